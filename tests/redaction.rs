//! Values that are to be hidden are in nothing that the program prints.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use std::path::Path;

/// A value that is in nothing but the data.
const SECRET: &str = "qzsecret";

struct Data(tempfile::TempDir);

impl Data {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, content: String| {
            std::fs::write(directory.path().join(name), content).expect("written");
        };
        write("data.csv", format!("id,name,late\n1,{SECRET}1,1\n2,{SECRET}2,{SECRET}3\n"));
        write("late.csv", format!("n\n1\n2\n3\n{SECRET}\n"));
        write("data.jsonl", format!("{{\"n\":1}}\n{{\"n\":\"{SECRET}\"}}\n"));
        write("reference.csv", format!("id,name\n1,{SECRET}9\n3,x\n"));
        write("twins.csv", format!("id,name\n1,{SECRET}\n2,{SECRET}\n"));
        Self(directory)
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// Everything that a check of `data` prints.
fn printed(data: &Data, file: &str, rules: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
    let references = ["reference", "twins"].map(|name| format!("{name}={}", data.at(&format!("{name}.csv"))));
    let output = command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .envs(variables.iter().copied())
        .args(["check", "--ruleset", "-", "--quiet", "--show", "all"])
        .args(["--reference", &references[0], "--reference", &references[1]])
        .args(arguments)
        .arg(data.at(file))
        .write_stdin(rules)
        .output()
        .expect("the program ran");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// Rules and analyzers that quote values: files, texts, further arguments.
const QUOTING: &[(&str, &str, &[&str])] = &[
    ("data.csv", "Rules = [ ReferentialIntegrity \"name\" \"reference.name\" = 1.0 ]", &[]),
    ("data.csv", "Rules = [ DatasetMatch \"reference\" \"id\" \"name\" = 1.0 ]", &[]),
    ("data.csv", "Rules = [ DatasetMatch \"twins\" \"name\" \"id\" = 1.0 ]", &[]),
    ("data.csv", "Rules = [ Mean \"late\" > 0 ]", &[]),
    ("data.csv", "Analyzers = [ Distribution \"name\" ]", &[]),
    ("data.csv", "Rules = [ Sum \"name\" > 0 ]", &["--column-type", "name=int"]),
    ("late.csv", "Rules = [ IsUnique \"n\" ]", &["--csv-sample", "2"]),
    ("data.jsonl", "Rules = [ IsUnique \"n\" ]", &["--csv-sample", "1"]),
    ("data.jsonl", "Rules = [ Mean \"n\" > 0 ]", &[]),
    ("data.jsonl", "Rules = [ Mean \"n\" > 0 ]", &["--column-type", "n=int"]),
    #[cfg(feature = "sql")]
    ("data.csv", "Rules = [ CustomSql \"select max(name) from primary\" > 1 ]", &[]),
];

#[test]
fn hidden_values_are_in_no_report_and_no_message() {
    let data = Data::new();
    let mut quoted = 0;
    for (file, rules, arguments) in QUOTING {
        for format in ["text", "json", "glue", "html", "glue-s3", "jsonl"] {
            let with = |redact: &str| {
                let all = [*arguments, &["--format", format, "--redact", redact]].concat();
                printed(&data, file, rules, &all, &[])
            };
            quoted += usize::from(with("off").contains(SECRET));
            for redact in ["mask", "hash", "hash:pepper"] {
                let text = with(redact);
                assert!(!text.contains(SECRET), "{rules} {arguments:?} {format} {redact}: {text}");
            }
        }
    }
    assert!(quoted >= QUOTING.len() * 2, "only {quoted} reports have anything to hide");
}

#[test]
fn values_are_hidden_where_ci_is_told_of_unless_the_user_says_otherwise() {
    let data = Data::new();
    let (file, rules, _) = QUOTING[0];
    let text = |arguments: &[&str], variables: &[(&str, &str)]| printed(&data, file, rules, arguments, variables);
    assert!(text(&[], &[]).contains(SECRET));
    assert!(text(&[], &[("CI", "false")]).contains(SECRET));
    for variable in dq::cli::CI_VARIABLES {
        assert!(!text(&[], &[(variable, "true")]).contains(SECRET), "{variable}");
    }
    assert!(text(&["--redact", "off"], &[("CI", "true")]).contains(SECRET));
    assert!(text(&["--redact", "mask"], &[]).contains("***"));
}
