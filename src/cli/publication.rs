//! Arguments about the names under which results are published.

use super::exit::Trouble;
use super::publish::UNDELIVERED;
use crate::publish::Destination;
use crate::report::Publication;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Names for services and tools that collect results.
#[derive(Debug, Args)]
pub struct PublicationArguments {
    /// Name of the data in metrics, events and the history: TABLE, DATABASE.TABLE or CATALOG.DATABASE.TABLE [default: local.default., and the name of the file or directory]
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub dataset: Option<String>,
    /// Name of the ruleset in metrics, events and results [default: that of its file]
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub ruleset_name: Option<String>,
    /// Name metrics and events as those of a Glue job with this name, not as those of a table
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub job: Option<String>,
    /// AWS region of the table, for names of resources in events, and of CloudWatch and EventBridge for --publish [default for these: that of the environment]
    #[arg(long, value_name = "REGION", help_heading = "Metrics and events")]
    pub region: Option<String>,
    /// What goes to CloudWatch (formats cloudwatch and emf): how many rules passed and failed, as Glue does it, or also the score, rows, duration, every rule and every evaluated metric, each of which CloudWatch charges for
    #[arg(long, value_name = "WHAT", default_value = "rules", help_heading = "Metrics and events")]
    pub metrics: MetricsArgument,
    /// Namespace of metrics in CloudWatch
    #[arg(long, value_name = "NAME", default_value = "Glue Data Quality", help_heading = "Metrics and events")]
    pub cloudwatch_namespace: String,
    /// Source of events in EventBridge; AWS keeps those that begin with `aws.` to itself
    #[arg(long, value_name = "NAME", default_value = "dq.local", help_heading = "Metrics and events")]
    pub event_source: String,
    /// Event bus in EventBridge [default: that of the account]
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub event_bus: Option<String>,
    /// Send the result: cloudwatch, eventbridge, s3=s3://BUCKET/BELOW/, webhook (its address in DQ_WEBHOOK_URL), webhook=env:VARIABLE or webhook=URL; repeatable
    #[arg(long, value_name = "SERVICE", help_heading = "Metrics and events")]
    pub publish: Vec<String>,
    /// Where results are kept that a service does not take; `dq publish --resume` sends them. Journals stand beside it while results are sent
    #[arg(long, value_name = "FILE", default_value = UNDELIVERED, help_heading = "Metrics and events")]
    pub undelivered: PathBuf,
}

/// `--metrics`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricsArgument {
    /// Rules passed and failed.
    Rules,
    /// Everything that was measured.
    All,
}

impl PublicationArguments {
    /// Where results are sent, or what is wrong.
    pub fn destinations(&self) -> Result<Vec<Destination>, Trouble> {
        let parse = |text: &String| {
            Destination::parse(text).map_err(|message| Trouble::Usage {
                message,
                help: Some("docs/outputs.md tells what each service needs".into()),
            })
        };
        self.publish.iter().map(parse).collect()
    }

    /// As the reports want them, or what is wrong.
    pub fn publication(&self) -> Result<Publication, Trouble> {
        let usage = |message: String| Trouble::Usage { message, help: None };
        for (option, name) in [("--ruleset-name", &self.ruleset_name), ("--job", &self.job)] {
            if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
                return Err(usage(format!("{option} needs a name")));
            }
        }
        let mut publication = Publication {
            ruleset: self.ruleset_name.clone(),
            job: self.job.clone(),
            region: self.region.clone(),
            namespace: self.cloudwatch_namespace.clone(),
            every_metric: self.metrics == MetricsArgument::All,
            event_source: self.event_source.clone(),
            event_bus: self.event_bus.clone(),
            ..Publication::default()
        };
        if let Some(name) = &self.dataset {
            publication.name_dataset(name).map_err(usage)?;
        }
        match publication.fault() {
            Some(fault) => Err(usage(fault)),
            None => Ok(publication),
        }
    }
}
