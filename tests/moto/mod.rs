//! AWS on this machine: moto, a Python package, and the program beside it.

// Each test file uses a part of it.
#![allow(dead_code)]

use assert_cmd::Command;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The bucket of all tests.
pub const BUCKET: &str = "data";

/// The server ends with its standard input, so that it does not outlive tests that are killed.
const SERVER: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', sys.argv[1]])
";

/// How long an interpreter on a busy machine takes to serve.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub struct Moto {
    server: Child,
    port: u16,
    /// Its log, and a home without credentials.
    pub directory: tempfile::TempDir,
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

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends one request, which needs no signature, and returns the status of the answer.
    pub fn request(&self, method: &str, key: &str, headers: &str, body: &[u8]) -> u16 {
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

    pub fn put(&self, key: &str, content: &[u8]) {
        assert_eq!(self.request("PUT", key, "", content), 200, "{key}");
    }

    /// An object that may be read without credentials.
    pub fn put_public(&self, key: &str, content: &[u8]) {
        assert_eq!(self.request("PUT", key, "x-amz-acl: public-read\r\n", content), 200, "{key}");
    }

    /// The program, with nothing of this machine's settings.
    pub fn bare(&self) -> Command {
        self.bared(Command::new(assert_cmd::cargo::cargo_bin!("dq")))
    }

    /// Another program, likewise.
    pub fn bared(&self, mut command: Command) -> Command {
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
    pub fn dq(&self) -> Command {
        self.signed_in(self.bare())
    }

    /// Another program, signed in.
    pub fn signed_in(&self, mut command: Command) -> Command {
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
pub fn moto() -> Option<Moto> {
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

pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cr3t") && !ran.stdout.contains("s3cr3t"), "{}{}", ran.stdout, ran.stderr);
    ran
}
