//! Results sent to services: CloudWatch, EventBridge and S3 of moto on this machine, read back by the AWS library
//! for Python; web hooks by a server of this file.

// Tests fail by panicking; what is skipped is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod moto;

use assert_cmd::Command;
use moto::{BUCKET, Moto, moto, run};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;

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
    assert_eq!(kept(&path).len(), 2);
    // Still down: it stays, and the attempts are counted.
    let mut offline = moto.dq();
    offline.env("AWS_ENDPOINT_URL", format!("http://{closed}"));
    let ran = run(offline.args(["publish", "--resume", &path]));
    assert_eq!((ran.code, kept(&path)[0]["attempts"].as_u64()), (4, Some(2)), "{}", ran.stderr);
    let ran = run(moto.dq().args(["publish", "--resume", &path]));
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

/// A server that gives these answers, one a request, and then tells what it was sent.
fn server(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/services/s3cr3t?s3cr3t", listener.local_addr().expect("an address"));
    let serve = move || {
        let answered = |answer: &&str| {
            let (stream, _) = listener.accept().expect("a request");
            request(stream, answer)
        };
        answers.iter().map(answered).collect()
    };
    (address, std::thread::spawn(serve))
}

/// Head and body of a request.
fn request(stream: TcpStream, answer: &str) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a line") > 0, "{head}");
    }
    let length =
        head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 7\r\nConnection: close\r\n\r\nanswer.");
    reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
    (head, serde_json::from_slice(&body).expect("JSON"))
}

fn dq() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("DQ_WEBHOOK_URL");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn web_hooks_get_what_slack_shows_after_servers_that_are_busy() {
    let (address, served) = server(&["503 Busy\r\nRetry-After: 0", "429 Slow down\r\nRetry-After: 0", "200 OK"]);
    let ran = run(dq()
        .args(CHECK)
        .args(["--publish", "webhook=env:HOOK"])
        .env("HOOK", &address)
        .env("DQ_WEBHOOK_AUTHORIZATION", "Bearer s3cr3t"));
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
    let (address, served) = server(&["404 no_service"]);
    let named = format!("webhook={address}");
    let ran = run(dq().args(CHECK).args(["--publish", &named, "--undelivered", &path]));
    served.join().expect("served");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("404"), "{}", ran.stderr);
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(!text.contains("s3cr3t"), "{text}");
    // Without the address it cannot be sent again, and with it, it can.
    let ran = run(dq().args(["publish", "--resume", &path]));
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("DQ_WEBHOOK_URL"), "{}", ran.stderr);
    let (again, served) = server(&["200 OK"]);
    let mut lines = kept(&path);
    lines[0]["place"] = json!(again.split("/services").next());
    std::fs::write(&path, format!("{}\n", lines[0])).expect("written");
    let ran = run(dq().args(["publish", "--resume", &path]).env("DQ_WEBHOOK_URL", &again));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(served.join().expect("served")[0].1["dq"]["failed"], 3);
    let ran = run(dq().args(["publish", "--resume", &path]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn destinations_are_looked_at_before_anything_is_checked() {
    for wrong in ["cloud", "s3", "s3=https://example.com/", "webhook=example.com", "cloudwatch=x", "webhook=env:"] {
        let ran = run(dq().args(CHECK).args(["--publish", wrong]));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{wrong}: {}", ran.stderr);
    }
}
