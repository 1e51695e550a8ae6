//! Where judged rows go: files of all of them with their outcomes, of the good ones, of the bad ones; or bits.

use super::CheckOptions;
use crate::error::{Error, shown};
use crate::input::{Dataset, FileOrigin, remote};
use crate::scan::rows::RowBatch;
use crate::sink::{Extra, Finished, Output, Verdicts, agree, format_of, names_format};
use crate::verdict::RowVerdicts;
use arrow_buffer::BooleanBuffer;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A bit a row, whether it fails no rule: batch by batch, in the order of the data.
pub type GoodRows = Arc<Mutex<Vec<BooleanBuffer>>>;

/// Files of rows that are being written. Dropped before [`Outputs::commit`], they leave nothing.
pub struct Outputs {
    /// The texts of the rules.
    rules: Vec<String>,
    /// Those with bad rows first: whoever sees the good ones finds the others too.
    files: Vec<(PathBuf, Kind, Output)>,
    good: Option<GoodRows>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bad,
    All,
    Good,
}

impl Outputs {
    /// Opens the files that the options name. Bits go to `good` besides, which is emptied first.
    pub fn create(
        options: &CheckOptions,
        dataset: &Dataset,
        rules: Vec<String>,
        good: Option<GoodRows>,
    ) -> Result<Self, Error> {
        let origins: Vec<FileOrigin> = (0..dataset.paths().count()).map(|file| dataset.origin(file)).collect();
        // Columns of other files, or of the names of directories, are none of a file's own.
        let alike = agree(&origins) && !(0..origins.len()).any(|file| dataset.adds_columns(file));
        let origin = origins.first().filter(|_| alike);
        let wanted = [
            (&options.bad, Kind::Bad, Extra::FailedRules),
            (&options.rows_out, Kind::All, Extra::Outcomes),
            (&options.good, Kind::Good, Extra::None),
        ];
        let mut files = Vec::new();
        for (path, kind, extra) in wanted {
            if let Some(path) = path {
                let own = origins.first().and_then(format_of).filter(|_| !names_format(path));
                let output = Output::create(path, own, extra, dataset.schema(), origin, &rules)?;
                files.push((path.clone(), kind, output));
            }
        }
        if let Some(good) = &good {
            good.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        Ok(Self { rules, files, good })
    }

    /// Whether rows are written.
    pub fn are_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Whether some file wants the columns of the dataset.
    pub fn take_columns(&self) -> bool {
        self.files.iter().any(|(_, _, output)| !output.takes_whole())
    }

    /// Whether some file wants rows as the data has them.
    pub fn take_whole(&self) -> bool {
        self.files.iter().any(|(_, _, output)| output.takes_whole())
    }

    /// Writes a batch, given the verdicts of each rule.
    pub fn write(&mut self, batch: &RowBatch, verdicts: &[RowVerdicts]) -> Result<(), Error> {
        let rows = batch.rows.columns.rows;
        let (pass, fail): (Vec<_>, Vec<_>) = verdicts.iter().map(|own| (own.pass.clone(), own.fail.clone())).unzip();
        let failing = fail.iter().fold(BooleanBuffer::new_unset(rows), |all, own| &all | own);
        if let Some(good) = &self.good {
            good.lock().unwrap_or_else(PoisonError::into_inner).push(!&failing);
        }
        let verdicts = Verdicts { rules: &self.rules, pass: &pass, fail: &fail, rows };
        for (_, kind, output) in &mut self.files {
            let keep = match kind {
                Kind::Bad => failing.clone(),
                Kind::All => BooleanBuffer::new_set(rows),
                Kind::Good => !&failing,
            };
            output.write(&batch.rows, &keep, &verdicts)?;
        }
        Ok(())
    }

    /// Completes all files, then gives them their names. Says what was written.
    pub fn commit(self) -> Result<Vec<String>, Error> {
        let files = self.files.into_iter().map(|(path, _, output)| Ok((path, output.finish()?)));
        let files: Vec<(PathBuf, Finished)> = files.collect::<Result<_, Error>>()?;
        let mut notes = Vec::new();
        for (path, file) in files {
            let rows = if file.rows() == 1 { "1 row".to_string() } else { format!("{} rows", file.rows()) };
            file.commit()?;
            notes.push(format!("{rows} written to {}", shown(&remote::shown_name(&path))));
        }
        Ok(notes)
    }
}
