//! Results sent to services: CloudWatch, EventBridge and S3 of moto on this machine, read back by the AWS library
//! for Python; web hooks by a server of this file.

// Tests fail by panicking; what is skipped is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod moto;

use assert_cmd::Command;
use moto::{BUCKET, Moto, moto, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

const CHECK: &[&str] = &["check", "--ruleset", "rulesets/customers.dqdl", "fixtures/data/customers.csv"];

/// What a program in Python with the AWS library prints, as JSON.
fn python(moto: &Moto, program: &str) -> Value {
    let program = format!(
        "import boto3, json, datetime\n\
         def client(name): return boto3.client(name, endpoint_url='{}', region_name='eu-central-1', \
         aws_access_key_id='testing', aws_secret_access_key='s3cr3t')\n{program}",
        moto.endpoint()
    );
    let output = std::process::Command::new("python3").args(["-c", &program]).output().expect("python3 ran");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A file name without a file, in a directory of its own.
fn undelivered(directory: &tempfile::TempDir) -> String {
    directory.path().join("undelivered.jsonl").to_string_lossy().into_owned()
}

fn kept(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn metrics_that_are_put_are_those_of_the_report() {
    let Some(moto) = moto() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let report = directory.path().join("metrics.json");
    let output = format!("cloudwatch={}", report.display());
    let ran = run(moto
        .dq()
        .args(CHECK)
        .args(["--publish", "cloudwatch", "--metrics", "all", "--cloudwatch-namespace", "Test"])
        .args(["--undelivered", &undelivered(&directory), "--output", &output]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let key = |datum: &Value, value: &Value| {
        let mut dimensions: Vec<_> = datum["Dimensions"]
            .as_array()
            .expect("dimensions")
            .iter()
            .map(|pair| format!("{}={}", pair["Name"], pair["Value"]))
            .collect();
        dimensions.sort();
        format!("{} {dimensions:?} {}", datum["MetricName"], value.as_f64().expect("a number"))
    };
    let mut written: Vec<String> = std::fs::read_to_string(&report)
        .expect("a report")
        .lines()
        .flat_map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["MetricData"].as_array().cloned().expect("data")
        })
        .map(|datum| key(&datum, &datum["Value"]))
        .collect();
    let found = python(
        &moto,
        "c = client('cloudwatch')\n\
         ms = [m for page in c.get_paginator('list_metrics').paginate(Namespace='Test') for m in page['Metrics']]\n\
         now = datetime.datetime.now(datetime.timezone.utc); hour = datetime.timedelta(hours=1)\n\
         for m in ms:\n\
         \x20 s = c.get_metric_statistics(Namespace='Test', MetricName=m['MetricName'], Dimensions=m['Dimensions'], \
         StartTime=now - hour, EndTime=now + hour, Period=7200, Statistics=['Sum'])\n\
         \x20 m['Sum'] = sum(p['Sum'] for p in s['Datapoints'])\n\
         print(json.dumps(ms))",
    );
    let mut read: Vec<String> =
        found.as_array().expect("a list").iter().map(|metric| key(metric, &metric["Sum"])).collect();
    // The duration of the run is in both; moto may list a metric twice.
    written.sort();
    read.sort();
    read.dedup();
    assert!(written.len() > 50, "{written:?}");
    assert_eq!(read, written);
    assert!(!Path::new(&undelivered(&directory)).exists());
}

#[test]
fn events_arrive_on_the_bus_as_rules_for_glue_match_them() {
    let Some(moto) = moto() else { return };
    python(
        &moto,
        "q = client('sqs').create_queue(QueueName='found')['QueueUrl']\n\
         e = client('events')\n\
         e.create_event_bus(Name='quality')\n\
         e.put_rule(Name='r', EventBusName='quality', \
         EventPattern=json.dumps({'detail-type': ['Data Quality Evaluation Results Available'], 'detail': {'state': ['FAILED']}}))\n\
         e.put_targets(Rule='r', EventBusName='quality', Targets=[{'Id': '1', 'Arn': 'arn:aws:sqs:eu-central-1:123456789012:found'}])\n\
         print('null')",
    );
    let directory = tempfile::tempdir().expect("a directory");
    let ran = run(moto
        .dq()
        .args(CHECK)
        .args(["--publish", "eventbridge", "--event-bus", "quality"])
        .args(["--undelivered", &undelivered(&directory)]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let event = python(
        &moto,
        "c = client('sqs')\n\
         q = c.get_queue_url(QueueName='found')['QueueUrl']\n\
         print(c.receive_message(QueueUrl=q)['Messages'][0]['Body'])",
    );
    assert_eq!(event["detail"]["state"], "FAILED");
    assert_eq!(event["detail"]["numRulesFailed"], 3);
    assert_eq!(event["source"], "dq.local");
}

#[test]
fn lines_for_athena_arrive_in_the_partition_of_the_day() {
    let Some(moto) = moto() else { return };
    let place = format!("s3=s3://{BUCKET}/results");
    let ran = run(moto.dq().args(CHECK).args(["--now", "2026-11-21T12:00:00Z", "--publish", &place]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let lines = python(
        &moto,
        &format!(
            "c = client('s3')\n\
             k = [o['Key'] for o in c.list_objects_v2(Bucket='{BUCKET}')['Contents']]\n\
             print(json.dumps([k, [json.loads(l) for l in c.get_object(Bucket='{BUCKET}', Key=k[0])['Body'].read().splitlines()]]))"
        ),
    );
    let key = lines[0][0].as_str().expect("a key");
    assert!(key.starts_with("results/year=2026/month=11/day=21/dqrun-") && key.ends_with(".jsonl"), "{key}");
    assert_eq!(lines[1].as_array().map(Vec::len), Some(22));
}

#[test]
fn nothing_is_lost_while_the_network_is_down() {
    let Some(moto) = moto() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    // A port that nobody listens at.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut offline = moto.dq();
    offline.env("AWS_ENDPOINT_URL", format!("http://{closed}"));
    let ran =
        run(offline.args(CHECK).args(["--publish", "cloudwatch", "--publish", "eventbridge", "--undelivered", &path]));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("dq publish --resume") && ran.stdout.contains("FAIL"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("CloudWatch in eu-central-1 at http://{closed}: ")), "{}", ran.stderr);
    assert_eq!(kept(&path).len(), 2);
    assert!(kept(&path).iter().all(|message| message["region"] == "eu-central-1"));
    // Still down: it stays, and the attempts are counted.
    let mut offline = moto.dq();
    offline.env("AWS_ENDPOINT_URL", format!("http://{closed}"));
    let ran = run(offline.args(["publish", "--resume", &path]));
    assert_eq!((ran.code, kept(&path)[0]["attempts"].as_u64()), (4, Some(2)), "{}", ran.stderr);
    // The region is that of the check, wherever it is sent from.
    let ran = run(moto.dq().env_remove("AWS_REGION").args(["publish", "--resume", &path]));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "sent: 2, left: 0\n"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
    let metrics =
        python(&moto, "print(json.dumps(client('cloudwatch').list_metrics(Namespace='Glue Data Quality')['Metrics']))");
    let mut names: Vec<_> =
        metrics.as_array().expect("a list").iter().map(|metric| metric["MetricName"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names, ["\"glue.data.quality.rules.failed\"", "\"glue.data.quality.rules.passed\""]);
}

#[test]
fn what_a_service_of_aws_needs_is_named() {
    let Some(moto) = moto() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    let told = |change: &dyn Fn(&mut Command), service: &str| {
        let mut command = moto.dq();
        change(&mut command);
        let ran = run(command.args(CHECK).args(["--publish", service, "--undelivered", &path]));
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        ran.stderr
    };
    let no_credentials = |command: &mut Command| {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    };
    let no_region = |command: &mut Command| {
        command.env_remove("AWS_REGION");
    };
    let wrong_region = |command: &mut Command| {
        command.env("AWS_REGION", "here or there");
    };
    for service in ["cloudwatch", "eventbridge"] {
        let text = told(&no_credentials, service);
        assert!(
            text.contains("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
            "{text}"
        );
        let text = told(&no_region, service);
        assert!(text.contains("no region: name it with --region or AWS_REGION"), "{text}");
        let text = told(&wrong_region, service);
        assert!(text.contains("`here or there` is no region: name it with --region or AWS_REGION"), "{text}");
    }
    let ran = run(moto.dq().args(CHECK).args(["--publish", "cloudwatch", "--now", "2020-01-01T00:00:00Z"]));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("two weeks ago") && !ran.stderr.contains("resume"), "{}", ran.stderr);
}

#[test]
fn servers_that_answer_something_else_have_taken_nothing() {
    let Some(moto) = moto() else { return };
    for (service, name, answer) in [
        ("eventbridge", "EventBridge", "200 OK|{}"),
        ("eventbridge", "EventBridge", r#"200 OK|{"FailedEntryCount":0,"Entries":[{}]}"#),
        ("cloudwatch", "CloudWatch", "200 OK|<html>Welcome</html>"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = undelivered(&directory);
        let (address, served) = server(vec![answer]);
        let endpoint = address.split("/services").next().expect("a server").to_string();
        let mut command = moto.dq();
        command.env("AWS_ENDPOINT_URL", &endpoint);
        let ran = run(command.args(CHECK).args(["--publish", service, "--undelivered", &path]));
        served.join().expect("served");
        assert_eq!(ran.code, 4, "{service}: {}", ran.stderr);
        let reason = format!("{name} in eu-central-1 at {endpoint}: the answer is not {name}'s");
        assert!(ran.stderr.contains(&reason), "{}", ran.stderr);
        assert_eq!(kept(&path).len(), 1);
    }
}

/// A server that gives these answers, one a request, and then tells what it was sent. An answer is a status, with
/// headers behind line ends, and behind a `|` its text.
fn server(answers: Vec<&'static str>) -> (String, JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/services/s3cr3t?s3cr3t", listener.local_addr().expect("an address"));
    let serve = move || {
        let answered = |answer: &&str| {
            let (stream, _) = listener.accept().expect("a request");
            request(stream, answer).expect("a request")
        };
        answers.iter().map(answered).collect()
    };
    (address, std::thread::spawn(serve))
}

/// Head and body of a request; nothing when who asks goes away.
fn request(stream: TcpStream, answer: &str) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.to_lowercase().split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (status, text) = answer.split_once('|').unwrap_or((answer, "answer."));
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    reader.get_mut().write_all(answer.as_bytes()).ok()?;
    // Requests to services of AWS may be forms.
    Some((head, serde_json::from_slice(&body).unwrap_or_default()))
}

/// A server that takes connections and never answers. Tells that somebody is there.
fn silent() -> (String, std::sync::mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/s3cr3t", listener.local_addr().expect("an address"));
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if sender.send(stream).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

/// A server that takes everything, after some time, and tells the bodies that it got.
fn patient(takes: Duration) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/s3cr3t", listener.local_addr().expect("an address"));
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let got = bodies.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let got = got.clone();
            std::thread::spawn(move || {
                std::thread::sleep(takes);
                if let Some((_, body)) = request(stream, "200 OK") {
                    got.lock().expect("a lock").push(body);
                }
            });
        }
    });
    (address, bodies)
}

/// An address that nobody listens at.
fn closed() -> String {
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    format!("http://{address}/s3cr3t")
}

/// The program beside the test, which may end it.
fn started(arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program")
}

/// Numbers for a test, from a seed that is printed.
fn numbers() -> impl FnMut(u64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let mut state =
        std::env::var("DQ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(now.as_nanos() as u64 | 1);
    eprintln!("DQ_SEED={state}");
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// Lines of messages to the web hook in `HOOK`, each with a number of its own.
fn messages(numbers: std::ops::Range<usize>) -> String {
    let line = |number: usize| {
        let body = json!({ "number": number }).to_string();
        let message = json!({
            "service": "webhook", "place": "env:HOOK", "body": body,
            "reason": "no network", "attempts": 1, "tried": "2026-11-21T12:00:00Z",
        });
        format!("{message}\n")
    };
    numbers.map(line).collect()
}

fn files(directory: &tempfile::TempDir) -> Vec<String> {
    let names = std::fs::read_dir(directory.path()).expect("a directory");
    names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn dq() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("DQ_WEBHOOK_URL").env_remove("DQ_WEBHOOK_AUTHORIZATION");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn web_hooks_get_what_slack_shows_after_servers_that_are_busy() {
    let (address, served) = server(vec!["503 Busy\r\nRetry-After: 0", "429 Slow down\r\nRetry-After: 0", "200 OK"]);
    let ran = run(dq()
        .args(CHECK)
        .args(["--publish", "webhook=env:HOOK"])
        .env("HOOK", format!(" {address}\n"))
        .env("HOOK_AUTHORIZATION", " Bearer s3cr3t\n"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let requests = served.join().expect("served");
    let (head, message) = requests.last().expect("a request");
    assert!(head.to_lowercase().contains("authorization: bearer s3cr3t"), "{head}");
    assert!(message["text"].as_str().is_some_and(|text| text.starts_with("FAIL customers")), "{message}");
    assert_eq!(message["dq"]["failed"], 3);
    assert_eq!(message["blocks"][0]["text"]["type"], "mrkdwn");
}

#[test]
fn addresses_of_web_hooks_are_in_no_message_and_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    let (address, served) = server(vec!["404 no_service|no such hook", "200 OK"]);
    let named = format!("webhook={address}");
    let ran = run(dq().args(CHECK).args(["--publish", &named, "--undelivered", &path]));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let origin = address.split("/services").next().expect("a server");
    assert!(ran.stderr.contains(&format!("404 Not Found at {origin}: no such hook")), "{}", ran.stderr);
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(!text.contains("s3cr3t"), "{text}");
    assert!(kept(&path)[0]["place"].as_str().is_some_and(|place| place.starts_with(&format!("{origin}#"))), "{text}");
    // Without the very address it cannot be sent again, and with it, it can.
    let resume = |other: &str| run(dq().args(["publish", "--resume", &path]).env("DQ_WEBHOOK_URL", other));
    for other in ["", &format!("{origin}/services/other"), &closed()] {
        let ran = resume(other);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("set DQ_WEBHOOK_URL to the address at {origin}")), "{}", ran.stderr);
    }
    let ran = resume(&format!("{address}\n"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let requests = served.join().expect("served");
    assert_eq!(requests[1].1["dq"]["failed"], 3);
    assert!(requests.iter().all(|(head, _)| !head.to_lowercase().contains("authorization")));
    assert_eq!((resume("").code, files(&directory).len()), (0, 0));
}

#[test]
fn what_authorizes_goes_to_its_own_web_hook_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    let (address, served) = server(vec!["200 OK"; 3]);
    let literal = format!("webhook={address}");
    let services = ["--publish", "webhook", "--publish", "webhook=env:HOOK", "--publish", &literal];
    let ran = run(dq()
        .args(CHECK)
        .args(services)
        .args(["--undelivered", &path])
        .env("DQ_WEBHOOK_URL", &address)
        .env("HOOK", &address)
        .env("DQ_WEBHOOK_AUTHORIZATION", "Bearer s3cr3t"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let heads: Vec<_> = served.join().expect("served").into_iter().map(|(head, _)| head.to_lowercase()).collect();
    let authorized: Vec<_> = heads.iter().map(|head| head.contains("authorization: bearer s3cr3t")).collect();
    assert_eq!(authorized, [true, false, false]);
}

#[test]
fn answers_that_repeat_what_is_secret_are_not_shown() {
    for answer in
        ["403 No|s3cr3t", "403 No|at /SERVICES/S3CR3T", "403 No|token hunter2", "403 No|s3%63r3t", "403 No|s3cr"]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let path = undelivered(&directory);
        let (address, served) = server(vec![answer]);
        let ran = run(dq()
            .args(CHECK)
            .args(["--publish", "webhook", "--undelivered", &path])
            .env("DQ_WEBHOOK_URL", &address)
            .env("DQ_WEBHOOK_AUTHORIZATION", "hunter2"));
        served.join().expect("served");
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        let text = std::fs::read_to_string(&path).expect("a file") + &ran.stderr;
        let told = answer.split('|').nth(1).expect("a text");
        assert!(text.contains("403 Forbidden") && !text.contains(told), "{text}");
    }
}

#[test]
fn a_place_that_cannot_be_reached_is_not_tried_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    let (address, served) = server(vec!["200 OK"]);
    let services = ["--publish", "webhook", "--publish", "webhook", "--publish", "webhook=env:HOOK"];
    let ran = run(dq()
        .args(CHECK)
        .args(services)
        .args(["--undelivered", &path])
        .env("DQ_WEBHOOK_URL", closed())
        .env("HOOK", &address));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    served.join().expect("served");
    let reasons: Vec<_> = kept(&path).iter().map(|message| message["reason"].to_string()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(!reasons[0].contains("not tried") && reasons[1].contains("not tried: "), "{reasons:?}");
    assert_eq!(kept(&path)[1]["attempts"], 0);
}

#[test]
fn undelivered_results_have_a_file_of_their_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let report = directory.path().join("report.json");
    let copy = directory.path().join("customers.csv");
    std::fs::copy("fixtures/data/customers.csv", &copy).expect("a copy");
    let before = std::fs::read(&copy).expect("a file");
    let (copy, report) = (copy.display().to_string(), report.display().to_string());
    let below = directory.path().join("none/u.jsonl").display().to_string();
    let check = |more: &[&str], undelivered: &str| {
        let mut command = dq();
        command.args(["check", "--ruleset", "rulesets/customers.dqdl", "--output", &format!("json={report}"), &copy]);
        run(command.args(more).args(["--undelivered", undelivered]).env("HOOK", closed()))
    };
    let directory_name = directory.path().display().to_string();
    for wrong in [
        copy.as_str(),
        "rulesets/customers.dqdl",
        &report,
        &directory_name,
        &below,
        "-",
        "s3://bucket/u.jsonl",
        "/dev/null",
    ] {
        let ran = check(&["--publish", "webhook=env:HOOK"], wrong);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains("help: "), "{}", ran.stderr);
    }
    let rows = directory.path().join("bad.csv").display().to_string();
    assert_eq!(check(&["--publish", "webhook=env:HOOK", "--bad", &rows], &rows).code, 2);
    assert_eq!(std::fs::read(&copy).expect("a file"), before);
    assert!(!Path::new(&report).exists());
    // Without a destination nobody asks.
    assert_eq!(check(&[], &below).code, 1);
}

#[test]
fn only_files_of_messages_are_sent_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory_name = directory.path().display().to_string();
    for wrong in ["-", "/dev/null", &directory_name, "https://example.com/u.jsonl"] {
        let ran = run(dq().args(["publish", &format!("--resume={wrong}")]));
        assert_eq!(ran.code, 2, "{wrong}: {}", ran.stderr);
    }
    let path = undelivered(&directory);
    std::fs::write(&path, "id,name\n1,x\n").expect("written");
    let ran = run(dq().args(["publish", "--resume", &path]));
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "id,name\n1,x\n");
    // Together with messages, such lines stay.
    std::fs::write(&path, format!("id,name\n{}", messages(0..1))).expect("written");
    let (address, bodies) = patient(Duration::ZERO);
    let ran = run(dq().args(["publish", "--resume", &path]).env("HOOK", &address));
    assert_eq!((ran.code, ran.stdout.as_str()), (4, "sent: 1, left: 1\n"), "{}", ran.stderr);
    assert_eq!(bodies.lock().expect("a lock").len(), 1);
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "id,name\n");
    assert_eq!(files(&directory).len(), 1);
}

#[test]
fn scores_of_no_rules_are_refused_before_anything_is_sent() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    for score in ["team=nobody:1", "owner=crm:1", "severity=blocker:1"] {
        let ran = run(dq()
            .args(CHECK)
            .args(["--publish", "webhook=env:HOOK", "--min-score", score, "--undelivered", &path])
            .env("HOOK", closed()));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("there are no rules with"), "{}", ran.stderr);
    }
    assert_eq!(files(&directory).len(), 0);
}

#[test]
fn a_program_that_is_killed_while_it_publishes_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    let (silent, connections) = silent();
    let services = ["--publish", "webhook=env:HOOK", "--publish", "webhook=env:HOOK", "--undelivered", &path];
    let mut child = started(&[CHECK, &services].concat(), &[("HOOK", &silent)]);
    let connection = connections.recv_timeout(moto::PATIENCE).expect("a connection");
    child.kill().expect("killed");
    child.wait().expect("an end");
    drop(connection);
    let names = files(&directory);
    assert!(names.len() == 1 && names[0].ends_with(".sending"), "{names:?}");
    let (address, bodies) = patient(Duration::ZERO);
    let ran = run(dq().args(["publish", "--resume", &path]).env("HOOK", &address));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "sent: 2, left: 0\n"), "{}", ran.stderr);
    assert_eq!(bodies.lock().expect("a lock").len(), 2);
    assert_eq!(files(&directory).len(), 0);
}

#[test]
fn whenever_programs_that_send_again_are_killed_every_message_arrives() {
    const MESSAGES: usize = 60;
    let mut random = numbers();
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    let (address, bodies) = patient(Duration::from_millis(10));
    std::fs::write(&path, messages(0..MESSAGES)).expect("written");
    let mut killed = 0;
    for _ in 0..40 {
        let mut child = started(&["publish", "--resume", &path], &[("HOOK", &address)]);
        std::thread::sleep(Duration::from_millis(random(400)));
        child.kill().expect("killed");
        killed += usize::from(child.wait().expect("an end").code().is_none());
    }
    let ran = run(dq().args(["publish", "--resume", &path]).env("HOOK", &address));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let bodies = bodies.lock().expect("a lock");
    let arrived: BTreeSet<_> = bodies.iter().filter_map(|body| body["number"].as_u64()).collect();
    eprintln!("{killed} programs killed, {} requests for {MESSAGES} messages", bodies.len());
    assert_eq!(arrived.len(), MESSAGES);
    assert!(killed > 0);
    // At most one is on its way when a program is killed.
    assert!(bodies.len() <= MESSAGES + killed, "{} requests", bodies.len());
    assert_eq!(files(&directory), [""; 0]);
}

#[test]
fn programs_at_once_send_what_others_do_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = undelivered(&directory);
    std::fs::write(&path, messages(0..2)).expect("written");
    let (silent, connections) = silent();
    let mut first = started(&["publish", "--resume", &path], &[("HOOK", &silent)]);
    let connection = connections.recv_timeout(moto::PATIENCE).expect("a connection");
    let (address, bodies) = patient(Duration::ZERO);
    let second = || run(dq().args(["publish", "--resume", &path]).env("HOOK", &address));
    let ran = second();
    assert_eq!((ran.code, ran.stdout.contains("another program is sending")), (0, true), "{}", ran.stderr);
    std::fs::write(&path, messages(2..3)).expect("written");
    assert_eq!(second().stdout, "sent: 1, left: 0\n");
    first.kill().expect("killed");
    first.wait().expect("an end");
    drop(connection);
    assert_eq!(second().stdout, "sent: 2, left: 0\n");
    assert_eq!(bodies.lock().expect("a lock").len(), 3);
}

#[cfg(unix)]
#[test]
fn who_interrupts_sending_need_not_wait() {
    for signal in ["-INT", "-TERM"] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = undelivered(&directory);
        let (silent, connections) = silent();
        let services = ["--publish", "webhook=env:HOOK", "--publish", "webhook=env:HOOK", "--undelivered", &path];
        let child = started(&[CHECK, &services].concat(), &[("HOOK", &silent)]);
        let connection = connections.recv_timeout(moto::PATIENCE).expect("a connection");
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(kill.expect("kill ran").success());
        let start = Instant::now();
        let output = child.wait_with_output().expect("an end");
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        drop(connection);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{stderr}");
        assert!(stderr.contains("sending was interrupted") && stderr.contains("kept in"), "{stderr}");
        let reasons: Vec<_> = kept(&path).into_iter().map(|message| message["reason"].clone()).collect();
        assert_eq!(reasons, ["interrupted", "interrupted"]);
        assert_eq!(files(&directory).len(), 1);
    }
}

#[test]
fn destinations_are_looked_at_before_anything_is_checked() {
    for wrong in [
        "cloud",
        "s3",
        "s3=https://example.com/",
        "webhook",
        "webhook=example.com",
        "webhook=env:",
        "webhook=env:DQ_TEST_NO_SUCH",
        "webhook=env:WRONG",
        "webhook=https://user:s3cr3t@example.com/",
        "cloudwatch=x",
    ] {
        let ran = run(dq().args(CHECK).args(["--publish", wrong]).env("WRONG", "ftp://example.com/s3cr3t"));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{wrong}: {}", ran.stderr);
    }
}
