//! Arguments about the names under which results are published.

use super::exit::Trouble;
use crate::report::Publication;
use clap::{Args, ValueEnum};

/// Names for services and tools that collect results.
#[derive(Debug, Args)]
pub struct PublicationArguments {
    /// Name of the data in metrics and events: TABLE, DATABASE.TABLE or CATALOG.DATABASE.TABLE [default: local.default., and the name of the file or directory]
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub dataset: Option<String>,
    /// Name of the ruleset in metrics, events and results [default: that of its file]
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub ruleset_name: Option<String>,
    /// Name metrics and events as those of a Glue job with this name, not as those of a table
    #[arg(long, value_name = "NAME", help_heading = "Metrics and events")]
    pub job: Option<String>,
    /// AWS region of the table, for names of resources in events
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
