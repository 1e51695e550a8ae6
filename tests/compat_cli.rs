//! `dq compat` as users call it: modes, sources, git, the allow-file, formats, exit codes.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    fn types(&self) -> Vec<String> {
        let document = self.json();
        let findings = document["findings"].as_array().expect("findings").iter();
        findings.map(|finding| finding["type"].as_str().expect("a type").to_string()).collect()
    }
}

/// A directory with files in it, and a repository if asked for.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { directory: tempfile::tempdir().expect("a directory") };
        for (path, text) in files {
            place.write(path, text);
        }
        place
    }

    fn repository(files: &[(&str, &str)]) -> Self {
        let place = Self::new(files);
        place.git(&["init", "-q", "-b", "main"]);
        place.commit("first");
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, text).expect("written");
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = std::process::Command::new("git");
        command.current_dir(self.path()).args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", self.path());
        for (role, name) in [("AUTHOR", "Ada"), ("COMMITTER", "Ada")] {
            command.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), "ada@example.com");
            command.env(format!("GIT_{role}_DATE"), "2026-01-01T00:00:00Z");
        }
        for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] {
            command.env_remove(variable);
        }
        let output = command.output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
        command.current_dir(self.path()).arg("compat").args(arguments);
        for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "PRE_COMMIT_FROM_REF", "PRE_COMMIT_TO_REF"] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    fn json(&self, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--format", "json"]].concat())
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// A record with fields of those types, each on a line of its own; `name type default`.
fn record(name: &str, fields: &[&str]) -> String {
    let field = |field: &&str| {
        let mut words = field.splitn(3, ' ');
        let (name, of_type) = (words.next().unwrap_or(""), words.next().unwrap_or("int"));
        let default = words.next().map_or(String::new(), |default| format!(", \"default\": {default}"));
        format!("    {{\"name\": \"{name}\", \"type\": \"{of_type}\"{default}}}")
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    format!("{{\n  \"type\": \"record\",\n  \"name\": \"{name}\",\n  \"fields\": [\n{}\n  ]\n}}\n", fields.join(",\n"))
}

fn user(fields: &[&str]) -> String {
    record("User", fields)
}

#[test]
fn modes_decide_who_reads_whose_data() {
    let place = Place::new(&[
        ("one.avsc", &user(&["a int"])),
        ("more.avsc", &user(&["a int", "b string"])),
        ("optional.avsc", &user(&["a int", "b string \"\""])),
        ("same.avsc", &user(&["a int"]).replace("  ", " ")),
    ]);
    let cases = [
        ("one", "more", "BACKWARD", 1),
        ("one", "more", "FORWARD", 0),
        ("one", "more", "FULL", 1),
        ("more", "one", "BACKWARD", 0),
        ("more", "one", "FORWARD", 1),
        ("one", "optional", "full_transitive", 0),
        ("one", "optional", "Full-All", 0),
        ("one", "more", "NONE", 0),
        ("one", "optional", "DISABLED", 1),
        ("one", "same", "DISABLED", 0),
        ("one", "more", "SIDEWARD", 2),
    ];
    for (old, new, mode, code) in cases {
        let ran = place.run(&["--old", &format!("{old}.avsc"), "--new", &format!("{new}.avsc"), "--mode", mode]);
        assert_eq!(ran.code, code, "{old} {new} {mode}: {}{}", ran.stdout, ran.stderr);
    }
    let none = place.run(&["--old", "one.avsc", "--new", "more.avsc", "--mode", "NONE"]);
    assert!(none.stdout.contains("not compared, as mode NONE wants it"), "{}", none.stdout);
    let disabled = place.json(&["--old", "one.avsc", "--new", "more.avsc", "--mode", "DISABLED"]);
    assert_eq!(disabled.types(), ["SCHEMA_CHANGED"]);
}

#[test]
fn findings_name_both_places_the_direction_and_what_to_write() {
    let place = Place::new(&[("v1.avsc", &user(&["a int"])), ("v2.avsc", &user(&["a int", "b string"]))]);
    let ran = place.json(&["--old", "v1.avsc", "--new", "v2.avsc"]);
    let document = ran.json();
    assert_eq!((&document["mode"], &document["compatible"]), (&json!("BACKWARD"), &json!(false)));
    let finding = &document["findings"][0];
    assert_eq!(finding["type"], "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_eq!(finding["location"], "/fields/1");
    assert_eq!((&finding["severity"], &finding["version"]), (&json!("error"), &json!("v1.avsc")));
    assert_eq!((&finding["reader"]["file"], &finding["reader"]["line"]), (&json!("v2.avsc"), &json!(6)));
    assert_eq!(finding["writer"]["file"], "v1.avsc");
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("default")), "{finding}");
    let text = place.run(&["--old", "v1.avsc", "--new", "v2.avsc"]).stdout;
    assert!(text.starts_with("v2.avsc:6:"), "{text}");
    assert!(text.contains(": error[READER_FIELD_MISSING_DEFAULT_VALUE] ") && text.contains("\n  help: "), "{text}");
    assert!(text.contains("\nFAIL  1 error"), "{text}");
    assert_eq!(text, place.run(&["--old", "v1.avsc", "--new", "v2.avsc"]).stdout);
}

#[test]
fn directories_hold_versions_in_the_order_of_their_numbers() {
    let place = Place::new(&[
        ("user/v1.avsc", &user(&["a string"])),
        ("user/v2.avsc", &user(&["a bytes"])),
        ("user/v10.avsc", &user(&["a int"])),
        ("new.avsc", &user(&["a long"])),
    ]);
    let newest = place.json(&["new.avsc", "--against", "user"]);
    assert_eq!(newest.code, 0, "{}{}", newest.stdout, newest.stderr);
    assert_eq!(newest.json()["schemas"][0]["comparisons"][0]["version"], "user/v10.avsc");
    let all = place.json(&["new.avsc", "--against", "user", "--mode", "BACKWARD_TRANSITIVE"]);
    assert_eq!(all.code, 1);
    let document = all.json();
    let failing: Vec<_> = document["findings"].as_array().expect("findings").iter().map(|f| &f["version"]).collect();
    assert!(failing.contains(&&json!("user/v2.avsc")) && failing.contains(&&json!("user/v1.avsc")), "{failing:?}");
    let compared: Vec<_> = document["schemas"][0]["comparisons"].as_array().expect("comparisons").iter().collect();
    assert_eq!(compared.len(), 3);
    assert_eq!(compared[0]["version"], "user/v10.avsc");
    // The new version may lie among the old ones.
    let among = place.json(&["user/v10.avsc", "--against", "user"]);
    assert_eq!(among.json()["schemas"][0]["comparisons"][0]["version"], "user/v2.avsc");
}

#[test]
fn nothing_compared_is_no_success() {
    let place = Place::repository(&[("a.avsc", &user(&["a int"])), ("notes.txt", "no schema"), ("bad.avsc", "{")]);
    std::fs::create_dir(place.path().join("empty")).expect("a directory");
    for arguments in [
        &["empty", "--against", "git:HEAD"][..],
        &["a.avsc", "--against", "empty"],
        &["nowhere.avsc", "--against", "git:HEAD"],
        &["a.avsc", "--against", "./nowhere"],
        &["a.avsc", "--against", "no-such-branch"],
        &["a.avsc", "--against", "git:--all"],
        &["a.avsc", "--against", "git:HEAD:nowhere"],
        &["a.avsc", "--against", "merge-base:nowhere"],
        &["a.avsc"],
        &["--old", "a.avsc", "--new", "nowhere.avsc"],
        &["--old", "a.avsc", "--new", "bad.avsc"],
        &["--old", "bad.avsc", "--new", "a.avsc"],
        &["--old", "a.avsc", "--new", "bad.avsc", "--mode", "NONE"],
        &["--old", "a.avsc"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("error"), "{arguments:?}: {}", ran.stderr);
    }
    let bad = place.json(&["--old", "a.avsc", "--new", "bad.avsc"]);
    assert!(bad.stderr.starts_with("bad.avsc:1:"), "{}", bad.stderr);
    let document = bad.json();
    assert_eq!((&document["compatible"], &document["complete"]), (&Value::Null, &json!(false)));
    assert_eq!(document["error"]["mistakes"][0]["file"], "bad.avsc");
}

#[test]
fn revisions_are_compared_without_checkout() {
    let place =
        Place::repository(&[("s/user.avsc", &user(&["a int"])), ("s/order.avsc", &record("Order", &["a int"]))]);
    place.write("s/user.avsc", &user(&["a int", "b string"]));
    place.write("s/new.avsc", &record("New", &["a int"]));
    let before = place.git(&["status", "--porcelain"]);
    for against in ["git:HEAD", "HEAD", "main", "git:main"] {
        let ran = place.json(&["s", "--against", against]);
        assert_eq!(ran.code, 1, "{against}: {}", ran.stderr);
        assert_eq!(ran.types(), ["READER_FIELD_MISSING_DEFAULT_VALUE", "SCHEMA_ADDED"], "{against}");
    }
    assert_eq!(place.git(&["status", "--porcelain"]), before);
    let only = place.json(&["s/order.avsc", "--against", "main"]);
    assert_eq!((only.code, only.types().len()), (0, 0));
    let pattern = place.json(&["s/u*.avsc", "--against", "main"]);
    assert_eq!(pattern.json()["schemas"].as_array().map(Vec::len), Some(1), "{}", pattern.stdout);
    let elsewhere = place.json(&["s/user.avsc", "--against", "git:main:s/user.avsc"]);
    assert_eq!(elsewhere.json()["findings"][0]["version"], "main:s/user.avsc");
    // From another directory too.
    let mut below = place.command(&["user.avsc", "--against", "HEAD", "--format", "json"]);
    let below = ran(below.current_dir(place.path().join("s")));
    assert_eq!(below.json()["findings"][0]["reader"]["file"], "s/user.avsc");
}

#[test]
fn removed_schemas_are_findings_and_moved_ones_are_followed() {
    let place = Place::repository(&[
        ("s/user.avsc", &user(&["a int"])),
        ("s/order.avsc", &record("Order", &["a int"])),
        ("s/kept.avsc", &record("Kept", &["a int"])),
    ]);
    std::fs::remove_file(place.path().join("s/order.avsc")).expect("removed");
    place.git(&["mv", "s/user.avsc", "s/person.avsc"]);
    place.write("s/person.avsc", &user(&["a string"]));
    let ran = place.json(&["s", "--against", "HEAD"]);
    assert_eq!(ran.code, 1);
    let mut types = ran.types();
    types.sort();
    assert_eq!(types, ["SCHEMA_REMOVED", "TYPE_MISMATCH"], "{}", ran.stdout);
    let document = ran.json();
    let removed = document["findings"].as_array().expect("findings").iter();
    let removed: Vec<_> = removed.filter(|finding| finding["type"] == "SCHEMA_REMOVED").collect();
    assert_eq!((&removed[0]["schema"], &removed[0]["file"]), (&json!("Order"), &json!("s/order.avsc")));
    let named = place.json(&["s/order.avsc", "--against", "HEAD"]);
    assert_eq!((named.code, named.types()), (1, vec!["SCHEMA_REMOVED".to_string()]));
    let moved = place.json(&["s/person.avsc", "--against", "HEAD"]);
    assert_eq!(moved.types(), ["TYPE_MISMATCH"]);
}

#[test]
fn transitive_modes_ask_every_commit_that_touched_the_file() {
    let place = Place::repository(&[("s/user.avsc", &user(&["a string"]))]);
    for (path, fields) in [("s/user.avsc", ["a bytes"]), ("s/person.avsc", ["a int"])] {
        if path != "s/user.avsc" {
            place.git(&["mv", "s/user.avsc", path]);
        }
        place.write(path, &user(&fields));
        place.commit("next");
    }
    place.write("s/person.avsc", &user(&["a long"]));
    assert_eq!(place.run(&["s", "--against", "HEAD"]).code, 0);
    let all = place.json(&["s", "--against", "HEAD", "--mode", "BACKWARD_ALL"]);
    assert_eq!(all.code, 1, "{}", all.stderr);
    let document = all.json();
    let compared = document["schemas"][0]["comparisons"].as_array().expect("comparisons");
    assert_eq!(compared.len(), 3, "{}", all.stdout);
    assert_eq!(compared[0]["compatible"], true, "the newest comes first");
    assert!(
        document["findings"][0]["version"].as_str().is_some_and(|version| version.contains(":s/")),
        "{}",
        all.stdout
    );
}

#[test]
fn merge_bases_forget_what_the_other_branch_did_since() {
    let place = Place::repository(&[("s/user.avsc", &user(&["a int"]))]);
    place.git(&["checkout", "-q", "-b", "feature"]);
    place.write("s/user.avsc", &user(&["a int", "b int 0"]));
    place.commit("feature");
    place.git(&["checkout", "-q", "main"]);
    place.write("s/later.avsc", &record("Later", &["a int"]));
    place.commit("later");
    place.git(&["checkout", "-q", "feature"]);
    // A plain comparison would take the branch for the removal of what came later.
    assert_eq!(place.json(&["s", "--against", "main"]).types(), ["SCHEMA_REMOVED"]);
    let ran = place.json(&["s", "--against", "merge-base:main"]);
    assert_eq!((ran.code, ran.types().len()), (0, 0), "{}", ran.stdout);
}

#[test]
fn shallow_clones_are_explained_with_the_command_that_helps() {
    let place = Place::repository(&[("s/user.avsc", &user(&["a int"]))]);
    place.write("s/user.avsc", &user(&["a long"]));
    place.commit("second");
    let clone = Place::new(&[]);
    let url = format!("file://{}", place.path().display());
    clone.git(&["clone", "-q", "--depth", "1", &url, "c"]);
    let run = |arguments: &[&str]| ran(clone.command(arguments).current_dir(clone.path().join("c")));
    let base = run(&["s", "--against", "merge-base:release"]);
    assert_eq!(base.code, 2);
    let command = "git fetch --unshallow origin +refs/heads/release:refs/remotes/origin/release";
    assert!(base.stderr.contains(command), "{}", base.stderr);
    let history = run(&["s", "--against", "HEAD", "--mode", "FULL_ALL"]);
    assert_eq!(history.code, 2, "{}", history.stdout);
    assert!(history.stderr.contains("git fetch --unshallow origin"), "{}", history.stderr);
    assert_eq!(run(&["s", "--against", "HEAD"]).code, 0);
}

#[test]
fn staged_content_is_compared_not_what_lies_on_disk() {
    let place = Place::repository(&[("s/user.avsc", &user(&["a int"]))]);
    place.write("s/user.avsc", &user(&["a string"]));
    place.git(&["add", "s/user.avsc"]);
    place.write("s/user.avsc", &user(&["a int"]));
    assert_eq!(place.json(&["s", "--against", "HEAD"]).code, 0);
    assert_eq!(place.json(&["s", "--staged"]).types(), ["TYPE_MISMATCH"]);
    let mut hook = place.command(&["s", "--against", "HEAD", "--format", "json"]);
    assert_eq!(ran(hook.env("GIT_INDEX_FILE", ".git/index")).types(), ["TYPE_MISMATCH"]);
    place.git(&["rm", "-q", "-f", "--cached", "s/user.avsc"]);
    assert_eq!(place.json(&["--staged"]).types(), ["SCHEMA_REMOVED"]);
    // Before the first commit everything is new.
    let first = Place::new(&[("s/user.avsc", &user(&["a int"]))]);
    first.git(&["init", "-q", "-b", "main"]);
    first.git(&["add", "-A"]);
    let ran = first.json(&["--staged"]);
    assert_eq!((ran.code, ran.types()), (0, vec!["SCHEMA_ADDED".to_string()]), "{}", ran.stderr);
}

#[test]
fn pushes_are_compared_from_where_they_left() {
    let place = Place::repository(&[("s/user.avsc", &user(&["a int"]))]);
    let from = place.git(&["rev-parse", "HEAD"]);
    place.write("s/user.avsc", &user(&["a string"]));
    place.commit("break");
    let to = place.git(&["rev-parse", "HEAD"]);
    // What lies on disk is not what is pushed.
    place.write("s/user.avsc", &user(&["a int"]));
    let mut push = place.command(&["--staged", "--format", "json"]);
    push.env("PRE_COMMIT_FROM_REF", from).env("PRE_COMMIT_TO_REF", to);
    let ran = ran(&mut push);
    assert_eq!((ran.code, ran.types()), (1, vec!["TYPE_MISMATCH".to_string()]), "{}", ran.stderr);
}

#[test]
fn schemas_find_the_types_of_other_files() {
    let place =
        Place::repository(&[("s/a_order.avsc", &record("Order", &["buyer User"])), ("s/user.avsc", &user(&["a int"]))]);
    place.write("s/user.avsc", &user(&["a string"]));
    let ran = place.json(&["s", "--against", "HEAD"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let document = ran.json();
    let schemas: std::collections::BTreeSet<_> =
        document["findings"].as_array().expect("findings").iter().map(|f| f["schema"].as_str()).collect();
    assert_eq!(schemas, [Some("Order"), Some("User")].into(), "both read other data now");
    let missing =
        Place::new(&[("order.avsc", &record("Order", &["buyer User"])), ("types/user.avsc", &user(&["a int"]))]);
    let alone = missing.run(&["--old", "order.avsc", "--new", "order.avsc"]);
    assert_eq!(alone.code, 2);
    assert!(alone.stderr.contains("User"), "{}", alone.stderr);
    let helped = missing.run(&["--old", "order.avsc", "--new", "order.avsc", "--references", "types"]);
    assert_eq!(helped.code, 0, "{}", helped.stderr);
}

#[test]
fn names_of_files_are_nothing_but_names() {
    let (old, new) = (user(&["a int"]), user(&["a string"]));
    let hostile = ["s/--all.avsc", "s/new\nline.avsc", "s/\u{1b}[31m.avsc", "s/:(top)x.avsc", "s/a b'\"$(x).avsc"];
    let files: Vec<(&str, String)> =
        hostile.iter().enumerate().map(|(number, path)| (*path, old.replace("User", &format!("U{number}")))).collect();
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let place = Place::repository(&borrowed);
    for (number, path) in hostile.iter().enumerate() {
        place.write(path, &new.replace("User", &format!("U{number}")));
    }
    for mode in ["BACKWARD", "BACKWARD_ALL"] {
        let ran = place.json(&["s", "--against", "HEAD", "--mode", mode]);
        assert_eq!(ran.types().len(), hostile.len(), "{mode}: {}{}", ran.stdout, ran.stderr);
    }
    for format in ["text", "github", "junit", "markdown"] {
        let text = place.run(&["s", "--against", "HEAD", "--format", format]).stdout;
        assert!(!text.contains('\u{1b}') && !text.contains("new\nline"), "{format}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_need_not_be_texts() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new(&[]);
    let path: PathBuf = place.path().join(std::ffi::OsStr::from_bytes(b"bad\xff.avsc"));
    std::fs::write(&path, user(&["a int"])).expect("written");
    place.git(&["init", "-q", "-b", "main"]);
    place.commit("first");
    std::fs::write(&path, user(&["a string"])).expect("written");
    let ran = place.json(&[".", "--against", "HEAD"]);
    assert_eq!((ran.code, ran.types()), (1, vec!["TYPE_MISMATCH".to_string()]), "{}", ran.stderr);
}

#[test]
fn accepted_breaks_are_listed_with_their_reason() {
    let place = Place::new(&[("old.avsc", &user(&["a int"])), ("new.avsc", &user(&["a string"]))]);
    let base = ["--old", "old.avsc", "--new", "new.avsc", "--now", "2026-11-21T12:00:00Z"];
    let entry = |extra: &str| {
        format!("[[allow]]\nkind = \"TYPE_MISMATCH\"\nschema = \"User\"\nreason = \"nobody reads it\"\n{extra}")
    };
    place.write("dq-compat-allow.toml", &entry("location = \"/fields/0/type\"\nexpires = \"2026-11-21\"\n"));
    let accepted = place.json(&base);
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert_eq!(accepted.json()["findings"][0]["accepted"]["reason"], "nobody reads it");
    assert!(place.run(&base).stdout.contains("accepted, until 2026-11-21: nobody reads it"));
    for (extra, kind) in
        [("expires = \"2026-11-20\"\n", "ALLOWANCE_EXPIRED"), ("location = \"/x\"\n", "ALLOWANCE_UNUSED")]
    {
        place.write("dq-compat-allow.toml", &entry(extra));
        let refused = place.json(&base);
        assert_eq!(
            (refused.code, refused.types()),
            (1, vec!["TYPE_MISMATCH".to_string(), kind.to_string()]),
            "{extra}"
        );
    }
    place.write("dq-compat-allow.toml", "[[allow]]\nkind = \"TYPE_MISMATCH\"\nschema = \"User\"\n");
    let wrong = place.run(&base);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("reason"), "{}", wrong.stderr);
    std::fs::remove_file(place.path().join("dq-compat-allow.toml")).expect("removed");
    let writing = [&base[..], &["--write-allow", "allow.toml"]].concat();
    assert_eq!(place.run(&writing).code, 1);
    assert_eq!(place.run(&[&base[..], &["--allow", "allow.toml"]].concat()).code, 0);
}

#[test]
fn severities_decide_the_exit_code() {
    let enums = |symbols: &str| {
        format!("{{\"type\": \"enum\", \"name\": \"E\", \"symbols\": [{symbols}], \"default\": \"A\"}}")
    };
    let place = Place::new(&[
        ("long.avsc", &user(&["a long"])),
        ("double.avsc", &user(&["a double"])),
        ("e1.avsc", &enums("\"A\", \"B\"")),
        ("e2.avsc", &enums("\"A\"")),
    ]);
    let code = |fail_on: &str| place.run(&["--old", "long.avsc", "--new", "double.avsc", "--fail-on", fail_on]).code;
    assert_eq!([code("error"), code("warning"), code("info")], [0, 1, 1], "LOSSY_PROMOTION is a warning");
    assert_eq!(place.run(&["--old", "e1.avsc", "--new", "e2.avsc"]).code, 0);
}

#[test]
fn languages_are_told_by_names_and_contents() {
    let place = Place::new(&[
        ("a.json", &user(&["a int"])),
        ("b.json", r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}"#),
        ("c.avsc", &user(&["a int"])),
    ]);
    assert_eq!(place.json(&["--old", "c.avsc", "--new", "a.json"]).code, 0);
    assert_eq!(place.json(&["--old", "b.json", "--new", "b.json"]).json()["schemas"][0]["language"], "JSON Schema");
    assert_eq!(place.json(&["--old", "b.json", "--new", "a.json"]).types(), ["SCHEMA_TYPE_CHANGED"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/data/orders.parquet");
    let table = root.to_str().expect("a name in UTF-8");
    let ran = place.json(&["--old", table, "--new", table, "--mode", "FULL"]);
    assert_eq!((ran.code, &ran.json()["schemas"][0]["language"]), (0, &json!("table")), "{}", ran.stderr);
}

#[test]
fn every_format_is_what_its_readers_take() {
    let place = Place::new(&[("old.avsc", &user(&["a int"])), ("new.avsc", &user(&["a string", "b int"]))]);
    let base = ["--old", "old.avsc", "--new", "new.avsc"];
    let run = |format: &str| place.run(&[&base[..], &["--format", format]].concat());
    let document: Value = serde_json::from_str(&run("sarif").stdout).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    for result in document["runs"][0]["results"].as_array().expect("results") {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "new.avsc");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 1), "{result}");
        assert_eq!(result["partialFingerprints"]["dqCompat/v1"].as_str().map(str::len), Some(32));
    }
    assert_eq!(document["runs"][0]["results"].as_array().map(Vec::len), Some(2));
    let xml = run("junit").stdout;
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut cases = 0;
    loop {
        match reader.read_event().expect("XML") {
            quick_xml::events::Event::Start(tag) if tag.name().as_ref() == b"testcase" => cases += 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(cases, 1, "{xml}");
    let github = run("github").stdout;
    assert_eq!(github.lines().filter(|line| line.starts_with("::error file=new.avsc,line=")).count(), 2, "{github}");
    assert!(run("markdown").stdout.starts_with("## FAIL: 2 errors"));
    let both = place.run(&[&base[..], &["--output", "json=out.json", "--output", "sarif=out.sarif"]].concat());
    assert_eq!(both.code, 1);
    assert!(both.stdout.contains("FAIL") && place.path().join("out.sarif").exists());
    assert_eq!(place.run(&[&base[..], &["--output", "json=new.avsc"]].concat()).code, 2, "what is read is spared");
    assert_eq!(place.run(&[&base[..], &["--output", "json=/nowhere/at/all.json"]].concat()).code, 4);
}

#[test]
fn old_versions_that_cannot_be_read_are_left_out_on_demand() {
    let place = Place::new(&[
        ("user/v1.avsc", &user(&["a int"])),
        ("user/v2.avsc", "{\"type\": \"record\""),
        ("new.avsc", &user(&["a long"])),
    ]);
    let base = ["new.avsc", "--against", "user", "--mode", "BACKWARD_ALL"];
    let strict = place.run(&base);
    assert_eq!(strict.code, 2);
    assert!(strict.stderr.starts_with("user/v2.avsc:1:"), "{}", strict.stderr);
    let lenient = place.json(&[&base[..], &["--lenient-old"]].concat());
    assert_eq!(
        (lenient.code, lenient.types().contains(&"VERSION_SKIPPED".to_string())),
        (0, true),
        "{}",
        lenient.stderr
    );
}

#[test]
fn the_document_lists_every_kind_of_finding() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compat.md");
    let text = std::fs::read_to_string(&path).expect("a document");
    let (begin, end) = ("<!-- kinds -->\n", "<!-- end of kinds -->");
    let from = text.find(begin).expect("a list of kinds") + begin.len();
    let to = text.find(end).expect("its end");
    let row = |kind: &dq::compat::finding::Kind| {
        format!("| `{}` | {} | {} |\n", kind.name(), kind.severity().as_str(), kind.description().replace('|', "\\|"))
    };
    let rows: String = dq::compat::finding::KINDS.iter().map(row).collect();
    let table = format!("| type | severity | |\n|---|---|---|\n{rows}");
    if std::env::var_os("DOCS_UPDATE").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..from], &text[to..])).expect("written");
    } else {
        assert_eq!(&text[from..to], table, "DOCS_UPDATE=1 rewrites it");
    }
}
