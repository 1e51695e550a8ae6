//! Data in an S3 server of this machine: moto, a Python package. Where it cannot be started, these tests say so and
//! pass; with DQ_REQUIRE_MOTO=1 they fail.

// Tests fail by panicking; what is skipped is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

use assert_cmd::Command;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The bucket of all tests.
const BUCKET: &str = "data";

/// The server ends with its standard input, so that it does not outlive tests that are killed.
const SERVER: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', sys.argv[1]])
";

/// How long an interpreter on a busy machine takes to serve.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Moto {
    server: Child,
    port: u16,
    /// Its log, and a home without credentials.
    directory: tempfile::TempDir,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Moto {
    /// A server with an empty bucket, or why there is none.
    fn start() -> Result<Self, String> {
        let mut reason = String::new();
        // Somebody else may take the port first.
        for _ in 0..3 {
            match Self::try_start() {
                Ok(moto) => return Ok(moto),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn try_start() -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = free.local_addr().map_err(|error| error.to_string())?.port();
        drop(free);
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let log = std::fs::File::create(directory.path().join("log")).map_err(|error| error.to_string())?;
        let server = std::process::Command::new("python3")
            .args(["-u", "-c", SERVER, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let mut moto = Self { server, port, directory };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = moto.server.try_wait() {
                return Err(format!("moto: {status}: {}", moto.log()));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("moto does not answer: {}", moto.log()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        match moto.request("PUT", "", "", b"") {
            200 => Ok(moto),
            status => Err(format!("moto answers {status}: {}", moto.log())),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends one request, which needs no signature, and returns the status of the answer.
    fn request(&self, method: &str, key: &str, headers: &str, body: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let path = encoded(key);
        // Without a type the body would be taken for a form.
        let head = format!(
            "{method} /{BUCKET}{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {}\r\n{headers}\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("a request");
        stream.write_all(body).expect("a body");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer);
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    fn put(&self, key: &str, content: &[u8]) {
        assert_eq!(self.request("PUT", key, "", content), 200, "{key}");
    }

    /// An object that may be read without credentials.
    fn put_public(&self, key: &str, content: &[u8]) {
        assert_eq!(self.request("PUT", key, "x-amz-acl: public-read\r\n", content), 200, "{key}");
    }

    /// The program, with nothing of this machine's settings.
    fn bare(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_uppercase();
            if upper.starts_with("AWS_") || upper.ends_with("_PROXY") || dq::cli::CI_VARIABLES.contains(&upper.as_str())
            {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(root())
            .env_remove("NO_COLOR")
            .env("HOME", self.directory.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .timeout(PATIENCE * 2);
        command
    }

    /// The program, signed in.
    fn dq(&self) -> Command {
        let mut command = self.bare();
        command
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "s3cr3t");
        command
    }
}

fn encoded(key: &str) -> String {
    if key.is_empty() {
        return String::new();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let part = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("/{}", key.bytes().map(part).collect::<String>())
}

/// A server, or nothing and a note.
fn moto() -> Option<Moto> {
    match Moto::start() {
        Ok(moto) => Some(moto),
        Err(reason) => {
            let required = std::env::var("DQ_REQUIRE_MOTO").is_ok_and(|value| value == "1");
            assert!(!required, "moto is required: {reason}");
            eprintln!("SKIPPED: no S3 server for this test: {reason}");
            None
        }
    }
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cr3t") && !ran.stdout.contains("s3cr3t"), "{}{}", ran.stdout, ran.stderr);
    ran
}

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
