//! Data in an S3 server of this machine: moto, a Python package. Where it cannot be started, these tests say so and
//! pass; with DQ_REQUIRE_MOTO=1 they fail.

// Tests fail by panicking; what is skipped is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod moto;

use assert_cmd::Command;
use moto::{BUCKET, Ran, moto, root, run};
use serde_json::Value;

/// Checks `rules` on `data`.
fn check(mut command: Command, rules: &str, data: &[&str]) -> Ran {
    run(command.args(["check", "--ruleset", "-"]).args(data).write_stdin(format!("Rules = [ {rules} ]")))
}

/// The JSON report, but for the names of files and the time.
fn report(mut command: Command, ruleset: &str, data: &str) -> (i32, Value) {
    let now = "2026-11-21T12:00:00Z";
    let ran = run(command.args(["check", "--ruleset", ruleset, "--format", "json", "--now", now, data]));
    let mut report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    report["started"] = Value::Null;
    report["data"]["files"] = Value::Null;
    forget_files(&mut report);
    (ran.code, report)
}

/// Samples name the files that rows are in, which differ.
fn forget_files(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "file" { *value = Value::Null } else { forget_files(value) }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(forget_files),
        _ => {}
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("fixtures/data").join(name)).expect("a fixture")
}

#[test]
fn an_object_gives_the_report_of_the_local_file() {
    let Some(moto) = moto() else { return };
    for (name, ruleset) in [
        ("orders.parquet", "rulesets/orders.dqdl"),
        ("customers.csv", "rulesets/customers.dqdl"),
        ("events.parquet", "rulesets/events.dqdl"),
        ("flights_sample.parquet", "rulesets/flights.dqdl"),
    ] {
        // Keys are names as they stand: nothing in them is decoded.
        let key = format!("shop/day-1%3A2 #/{name}");
        moto.put(&key, &fixture(name));
        let local = report(moto.bare(), ruleset, &format!("fixtures/data/{name}"));
        for scheme in ["s3", "s3a"] {
            let remote = report(moto.dq(), ruleset, &format!("{scheme}://{BUCKET}/{key}"));
            // The names of directories in a path that is spelled out are no columns.
            assert_eq!(remote, local, "{name}");
        }
    }
    // An object is read by its parts, never as a whole.
    let gets = moto.log().lines().filter(|line| line.contains("GET") && line.contains("parquet HTTP")).count();
    let parts = moto.log().lines().filter(|line| line.contains("parquet HTTP/1.1\" 206")).count();
    assert!(parts > 0 && parts == gets, "{}", moto.log());
}

#[test]
fn prefixes_and_patterns_stand_for_several_objects() {
    let Some(moto) = moto() else { return };
    for part in 1..=3 {
        let content = format!("id,name\n{part}1,a\n{part}2,b\n");
        moto.put(&format!("table/part-{part}.csv"), content.as_bytes());
    }
    moto.put("table/", b"");
    moto.put("table/empty/", b"");
    moto.put("table/_SUCCESS", b"");
    moto.put("table/deep/part-4.csv", b"id,name\n41,a\n");
    moto.put("tables/part-5.csv", b"id,name\n51,a\n");
    moto.put("other/part-[6].csv", b"id,name\n61,a\n");
    let rows = |data: &[&str], rows: usize| {
        let ran = check(moto.dq(), &format!("RowCount = {rows}, IsUnique \"id\""), data);
        assert_eq!(ran.code, 0, "{data:?}: {}{}", ran.stdout, ran.stderr);
    };
    rows(&["s3://data/table/part-2.csv"], 2);
    rows(&["s3://data/table/part-?.csv"], 6);
    rows(&["s3://data/table/part-[13].csv"], 4);
    rows(&["s3://data/table*/part-*.csv"], 7);
    rows(&["s3://data/table/**/*.csv"], 7);
    rows(&["s3://data/other/part-[6].csv"], 1);
    rows(&["s3://data/table/part-1.csv", "s3://data/tables"], 3);
    rows(&["s3://data/table/"], 7);
    rows(&["s3://data/table"], 7);
    let nothing = check(moto.dq(), "RowCount > 0", &["s3://data/table/*.parquet"]);
    assert_eq!(nothing.code, 3);
    assert!(nothing.stderr.contains("matches"), "{}", nothing.stderr);
}

#[test]
fn people_learn_what_is_wrong() {
    let Some(moto) = moto() else { return };
    moto.put("orders.csv", b"id\n1\n");
    let said = |command: Command, url: &str, words: &[&str]| {
        let ran = check(command, "RowCount > 0", &[url]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        }
    };
    said(moto.dq(), "s3://data/shop/missing.csv", &["no object", "`shop/missing.csv`", "`data`"]);
    said(moto.dq(), "s3://nowhere/orders.csv", &["no bucket", "`nowhere`"]);
    said(moto.dq(), "s3://nowhere/*.csv", &["no bucket", "`nowhere`"]);
    said(moto.dq(), "s3://data/a//b.csv", &["empty part"]);
    said(moto.dq(), "s3://me:s3cr3t@data/orders.csv", &["environment"]);
    said(moto.dq(), "s3://da%2Fta/orders.csv", &["bucket"]);
    let mut anonymous = moto.dq();
    anonymous.env("AWS_NO_SIGN_REQUEST", "yes");
    said(anonymous, "s3://data/orders.csv", &["403", "AWS_NO_SIGN_REQUEST"]);
    let mut nobody = moto.dq();
    nobody.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    said(nobody, "s3://data/orders.csv", &["no credentials", "AWS_ACCESS_KEY_ID", "AWS_NO_SIGN_REQUEST"]);
    let mut half = moto.dq();
    half.env_remove("AWS_SECRET_ACCESS_KEY");
    said(half, "s3://data/orders.csv", &["SecretAccessKey"]);
    let mut unknown = moto.bare();
    unknown.env("AWS_PROFILE", "unknown").env("AWS_ENDPOINT_URL", moto.endpoint());
    said(unknown, "s3://data/orders.csv", &["`unknown`", "~/.aws/config"]);
}

#[test]
fn profiles_give_keys_regions_and_endpoints() {
    let Some(moto) = moto() else { return };
    moto.put("orders.csv", b"id\n1\n");
    moto.put("empty.csv", b"");
    let home = moto.directory.path().join(".aws");
    std::fs::create_dir(&home).expect("a directory");
    std::fs::write(home.join("credentials"), "[shop]\naws_access_key_id = testing\naws_secret_access_key = s3cr3t\n")
        .expect("written");
    let config = format!("[profile shop]\nregion = eu-north-1\nendpoint_url = {}\n", moto.endpoint());
    std::fs::write(home.join("config"), config + "[profile web]\nsso_session = x\n").expect("written");
    let profile = |name: &str| {
        let mut command = moto.bare();
        command.env("AWS_PROFILE", name);
        command
    };
    assert_eq!(check(profile("shop"), "RowCount = 1", &["s3://data/orders.csv"]).code, 0);
    // An object without bytes has no range to ask for; what that means is the format's business.
    let empty = check(profile("shop"), "RowCount = 1", &["s3://data/empty.csv"]);
    assert!(!empty.stderr.contains("status 416"), "{}", empty.stderr);
    let mut web = profile("web");
    web.env("AWS_ENDPOINT_URL_S3", moto.endpoint());
    let ran = check(web, "RowCount = 1", &["s3://data/orders.csv"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("sso_session"), "{}", ran.stderr);
}

#[test]
fn web_servers_are_read_by_ranges() {
    let Some(moto) = moto() else { return };
    moto.put_public("flights.parquet", &fixture("flights_sample.parquet"));
    moto.put("private.csv", b"id\n1\n");
    let url = |rest: &str| format!("{}/{BUCKET}/{rest}", moto.endpoint());
    let local = report(moto.bare(), "rulesets/flights.dqdl", "fixtures/data/flights_sample.parquet");
    // The query is sent, and shown to nobody.
    let remote = report(moto.bare(), "rulesets/flights.dqdl", &url("flights.parquet?token=s3cr3t"));
    assert_eq!(remote, local);
    let log = moto.log();
    assert!(log.contains("GET /data/flights.parquet?token=s3cr3t HTTP/1.1\" 206"), "{log}");
    assert!(!log.contains("flights.parquet?token=s3cr3t HTTP/1.1\" 200"), "{log}");
    for (rest, word) in [("private.csv?token=s3cr3t", "denies access"), ("missing.csv", "no such file")] {
        let ran = check(moto.bare(), "RowCount > 0", &[url(rest).as_str()]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
}
