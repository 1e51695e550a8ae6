//! Several files as one table.

use super::align::{Alignment, Place, align, logical};
use super::layout::DataFile;
use super::source::Input;
use super::table::{Batches, Chunk, Chunks, ColumnFacts, PageFacts, Parts, Table};
use super::whole::{FileOrigin, Lockstep, WholeRowBatches, WholeRows};
use super::{ReadOptions, cast_strictly, open};
use crate::error::{Error, escape_controls, shown};
use crate::redaction::Redaction;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One or more files, their columns aligned by name; or a table that is no file.
pub struct Dataset {
    schema: SchemaRef,
    files: Vec<OpenFile>,
    notes: Vec<String>,
    trust_statistics: bool,
    redaction: Redaction,
}

#[derive(Clone)]
struct OpenFile {
    /// `None` for a table that is no file.
    input: Option<Input>,
    table: Arc<dyn Table>,
    /// Where each column of the dataset comes from.
    places: Vec<Place>,
}

/// Columns of some rows, in the order they were asked for.
#[derive(Debug, Clone)]
pub struct Columns {
    /// One array a column; text may be dictionary-encoded.
    pub arrays: Vec<ArrayRef>,
    /// Their length.
    pub rows: usize,
}

impl Columns {
    /// Some of the rows.
    pub fn slice(&self, start: usize, rows: usize) -> Self {
        Self { arrays: self.arrays.iter().map(|array| array.slice(start, rows)).collect(), rows }
    }
}

/// Column batches of one part.
pub type ColumnBatches<'a> = Box<dyn Iterator<Item = Result<Columns, Error>> + Send + 'a>;

impl Dataset {
    /// Opens all files on up to `threads` threads; reads footers and samples, no data.
    pub fn open(files: &[DataFile], options: &ReadOptions, threads: usize) -> Result<Self, Error> {
        if files.is_empty() {
            return Err(Error::Option("no data: name at least one file".into()));
        }
        let mut opened = Vec::with_capacity(files.len());
        for result in each_file(files, threads, |file| open_table(&file.path, options)) {
            opened.push(result?);
        }
        let Alignment { schema, places, notes } = align(&opened, files, options)?;
        if let Some(stranger) = options.column_types.keys().find(|name| schema.field_with_name(name).is_err()) {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let hint = crate::diagnostic::nearest(stranger, names)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(Error::Option(format!(
                "a type is given for column `{stranger}`, which the data does not have{hint}"
            )));
        }
        for (name, named) in &options.column_types {
            for (input, table) in &opened {
                if let Ok(field) = table.schema().field_with_name(name)
                    && logical(field.data_type()) != logical(named)
                {
                    return Err(stored_type(&input.path, name, field.data_type()));
                }
            }
        }
        let opened = opened.into_iter().zip(places);
        let files = opened.map(|((input, table), places)| OpenFile::new(Some(input), table.into(), places)).collect();
        let trust_statistics = !options.ignore_statistics;
        Ok(Self { schema, files, notes, trust_statistics, redaction: options.redaction })
    }

    /// Columns without files: there are no rows.
    pub fn without_files(schema: SchemaRef) -> Self {
        let (files, notes) = (Vec::new(), Vec::new());
        Self { schema, files, notes, trust_statistics: true, redaction: Redaction::Off }
    }

    /// A table that is no file: columns in memory, rows of a query. Its columns are nullable, dictionary encoding and
    /// the layout of text are no types of their own. Two columns of one name are refused.
    pub fn of_table(table: Arc<dyn Table>) -> Result<Self, Error> {
        let own = table.schema();
        let mut names = HashSet::new();
        if let Some(twin) = own.fields().iter().map(|field| field.name()).find(|name| !names.insert(*name)) {
            let name = escape_controls(twin);
            return Err(Error::Option(format!("there are two columns `{name}`: rules could not tell them apart")));
        }
        let field = |field: &Arc<Field>| Field::new(field.name(), logical(field.data_type()).clone(), true);
        let schema = Arc::new(Schema::new(own.fields().iter().map(field).collect::<Vec<_>>()));
        let places = (0..own.fields().len()).map(|position| Place::Column { position, converted: false }).collect();
        let files = vec![OpenFile::new(None, table, places)];
        Ok(Self { schema, files, notes: Vec::new(), trust_statistics: true, redaction: Redaction::Off })
    }

    /// One of the files, counted from 0 in the order of [`Dataset::paths`], with the columns of the dataset.
    pub fn only(&self, file: usize) -> Option<Self> {
        let files = vec![self.files.get(file)?.clone()];
        let Self { trust_statistics, redaction, .. } = *self;
        Some(Self { schema: self.schema.clone(), files, notes: Vec::new(), trust_statistics, redaction })
    }

    /// The columns, dictionary encoding resolved.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Things worth knowing about how the files fit together.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether reading may find that a column's type must be wider.
    pub fn infers_types(&self) -> bool {
        self.files.iter().any(|file| file.table.infers_types())
    }

    /// Size of all files, as stored.
    pub fn bytes(&self) -> u64 {
        self.inputs().map(Input::stored_bytes).sum()
    }

    /// Rows, where all files tell.
    pub fn rows(&self) -> Option<u64> {
        self.files.iter().map(|file| file.table.rows()).sum()
    }

    /// The files, in order; none of a table that is no file.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.inputs().map(|input| input.path.as_path())
    }

    /// The files, in order; none of a table that is no file.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.files.iter().filter_map(|file| file.input.as_ref())
    }

    /// What a file is and how its rows are written back unchanged; files count from 0 in the order of
    /// [`Dataset::paths`].
    pub fn origin(&self, file: usize) -> FileOrigin {
        self.files.get(file).map_or(FileOrigin::Other, |file| file.table.origin())
    }

    /// Whether the dataset has columns that a file does not have: values of the names of its directories, columns
    /// of other files. Its rows as the file has them lack these.
    pub fn adds_columns(&self, file: usize) -> bool {
        let Some(file) = self.files.get(file) else { return false };
        // Lines of JSON have the keys that they have.
        let may_lack = matches!(file.table.origin(), FileOrigin::JsonLines);
        file.places.iter().any(|place| match place {
            Place::Column { .. } => false,
            Place::Missing => !may_lack,
            Place::Constant(_) => true,
        })
    }

    /// Whether the places of all parts are known ahead of reading.
    pub fn is_placed(&self) -> bool {
        self.files.iter().all(|file| matches!(file.table.parts(), Parts::Placed(_)))
    }

    /// Starts a pass over columns, given by position; the parts come in the order of the data.
    pub fn pass<'a>(&'a self, columns: &[usize], batch_rows: usize) -> Pass<'a> {
        Pass { dataset: self, columns: columns.to_vec(), batch_rows, whole: false, file: 0, part: 0, stream: None }
    }

    /// Reads columns of all rows in order, on this thread.
    pub fn batches<'a>(&'a self, columns: &[usize], batch_rows: usize) -> ColumnBatches<'a> {
        let columns = columns.to_vec();
        let mut pass = self.pass(&columns, batch_rows);
        let mut current: Option<ColumnBatches<'a>> = None;
        let mut failed = false;
        Box::new(std::iter::from_fn(move || {
            while !failed {
                if let Some(batches) = &mut current
                    && let Some(batch) = batches.next()
                {
                    failed = batch.is_err();
                    return Some(batch);
                }
                match pass.next()?.and_then(|part| part.read(&columns, batch_rows)) {
                    Ok(batches) => current = Some(batches),
                    Err(error) => {
                        failed = true;
                        return Some(Err(error));
                    }
                }
            }
            None
        }))
    }

    /// Reads all columns of all rows in order, on this thread, in batches of at most `batch_rows` rows whose schema is
    /// that of the dataset: every column may be NULL, and text that is stored as a dictionary is unpacked. A value that
    /// does not fit a type inferred from a sample is [`Error::Widen`], which a check reads again for; here, name the
    /// type among the [`ReadOptions`].
    pub fn record_batches(&self, batch_rows: usize) -> impl Iterator<Item = Result<RecordBatch, Error>> + '_ {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        self.batches(&all, batch_rows).map(move |columns| self.record_batch(&columns?))
    }

    fn record_batch(&self, columns: &Columns) -> Result<RecordBatch, Error> {
        let fields = self.schema.fields().iter();
        let arrays = columns.arrays.iter().zip(fields).map(|(array, field)| cast_strictly(array, field.data_type()));
        let options = RecordBatchOptions::new().with_row_count(Some(columns.rows));
        arrays
            .collect::<Result<Vec<_>, _>>()
            .and_then(|arrays| RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options))
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

/// Files that say what type a column has are not read as another.
fn stored_type(path: &Path, column: &str, data_type: &DataType) -> Error {
    Error::Option(format!(
        "a type is given for column `{}`, but {} stores its types: it is {data_type} there; types are given for CSV and \
         JSON Lines only",
        escape_controls(column),
        shown(path)
    ))
}

fn open_table(path: &Path, options: &ReadOptions) -> Result<(Input, Box<dyn Table>), Error> {
    let input = Input::open(path)?;
    let table = open(&input, options)?;
    Ok((input, table))
}

/// Calls `work` with every file on several threads; results come in file order.
fn each_file<T: Send>(
    files: &[DataFile],
    threads: usize,
    work: impl Fn(&DataFile) -> Result<T, Error> + Sync,
) -> Vec<Result<T, Error>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<T, Error>>>> = files.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        while let Some((file, slot)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            files.get(at).zip(results.get(at))
        } {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(work(file));
        }
    };
    if files.len() == 1 || threads <= 1 {
        worker();
    } else {
        std::thread::scope(|scope| (0..threads.min(files.len())).for_each(|_| drop(scope.spawn(worker))));
    }
    let lost = || Err(Error::Internal("a file was not opened".into()));
    results
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(lost))
        .collect()
}

/// Hands out the parts of a dataset, in order.
pub struct Pass<'a> {
    dataset: &'a Dataset,
    columns: Vec<usize>,
    batch_rows: usize,
    whole: bool,
    file: usize,
    part: usize,
    stream: Option<Box<dyn Chunks<'a> + 'a>>,
}

impl<'a> Pass<'a> {
    /// The same pass, whose streamed parts keep their rows as the file has them.
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The next part.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Part<'a>, Error>> {
        loop {
            let dataset: &'a Dataset = self.dataset;
            let (file, number) = (dataset.files.get(self.file)?, self.file);
            match file.table.parts() {
                Parts::Placed(parts) if self.part < parts => {
                    self.part += 1;
                    let trusted = dataset.trust_statistics;
                    let content = Content::Placed { part: self.part - 1, trusted };
                    return Some(Ok(Part { dataset, file, number, content }));
                }
                Parts::Placed(_) => {}
                Parts::Streamed => {
                    let stream = match &mut self.stream {
                        Some(stream) => stream,
                        None => {
                            let wanted = file.wanted(&self.columns);
                            match file.table.stream(&wanted, self.batch_rows, self.whole) {
                                Ok(stream) => self.stream.insert(stream),
                                Err(error) => return Some(Err(error)),
                            }
                        }
                    };
                    if let Some(chunk) = stream.next() {
                        let content = chunk.map(Content::Chunk);
                        return Some(content.map(|content| Part { dataset, file, number, content }));
                    }
                }
            }
            self.file += 1;
            self.part = 0;
            self.stream = None;
        }
    }
}

/// A part of a dataset: some rows of one file.
pub struct Part<'a> {
    dataset: &'a Dataset,
    file: &'a OpenFile,
    number: usize,
    content: Content<'a>,
}

enum Content<'a> {
    Placed { part: usize, trusted: bool },
    Chunk(Chunk<'a>),
}

impl<'a> Part<'a> {
    /// The same part again, if its place is known: columns of it can be read apart.
    pub fn again(&self) -> Option<Self> {
        match &self.content {
            Content::Placed { part, trusted } => Some(Part {
                dataset: self.dataset,
                file: self.file,
                number: self.number,
                content: Content::Placed { part: *part, trusted: *trusted },
            }),
            Content::Chunk(_) => None,
        }
    }

    /// Which file of the dataset, from 0, in the order of [`Dataset::paths`].
    pub fn file(&self) -> usize {
        self.number
    }

    /// Rows, where the file tells.
    pub fn rows(&self) -> Option<u64> {
        match &self.content {
            Content::Placed { part, .. } => self.file.table.part_rows(*part),
            Content::Chunk(_) => None,
        }
    }

    /// What is certain of a column without reading it.
    pub fn facts(&self, column: usize) -> Option<ColumnFacts> {
        let Content::Placed { part, trusted: true } = &self.content else { return None };
        let data_type = self.dataset.schema.field(column).data_type();
        match self.file.places.get(column)? {
            Place::Missing => Some(ColumnFacts { nulls: self.rows()?, range: None }),
            Place::Constant(value) if value.is_null(0) => Some(ColumnFacts { nulls: self.rows()?, range: None }),
            Place::Constant(value) => Some(ColumnFacts { nulls: 0, range: Some((value.clone(), value.clone())) }),
            Place::Column { position, converted } => {
                let facts = self.file.table.facts(*part, *position)?;
                Some(if *converted { facts_as(facts, data_type) } else { facts })
            }
        }
    }

    /// What is certain of a column page by page without decoding it: pages that have all rows of the part, in
    /// order, and that [`Part::read_rows`] reads apart. To tell costs a read, of metadata alone.
    pub fn pages(&self, column: usize) -> Option<Vec<PageFacts>> {
        let Content::Placed { part, trusted: true } = &self.content else { return None };
        let Place::Column { position, converted } = self.file.places.get(column)? else { return None };
        let pages = self.file.table.pages(*part, *position)?;
        if !converted {
            return Some(pages);
        }
        let data_type = self.dataset.schema.field(column).data_type();
        Some(pages.into_iter().map(|page| PageFacts { facts: facts_as(page.facts, data_type), ..page }).collect())
    }

    /// About how many stored bytes the part has, for progress.
    pub fn stored_bytes(&self) -> u64 {
        match (&self.content, self.file.table.parts()) {
            (Content::Placed { .. }, Parts::Placed(parts)) => {
                self.file.input.as_ref().map_or(0, Input::stored_bytes) / parts.max(1) as u64
            }
            (Content::Chunk(chunk), _) => chunk.bytes,
            _ => 0,
        }
    }

    /// Stored bytes of a column, if columns can be read apart at no extra cost.
    pub fn column_bytes(&self, column: usize) -> Option<u64> {
        match (&self.content, self.file.places.get(column)?) {
            (Content::Placed { part, .. }, Place::Column { position, .. }) => {
                self.file.table.column_bytes(*part, *position)
            }
            (Content::Placed { .. }, _) => Some(0),
            (Content::Chunk(_), _) => None,
        }
    }

    /// Reads columns, given by position. A part that was cut while reading has the columns
    /// that the pass was started with, and only those.
    pub fn read(self, columns: &[usize], batch_rows: usize) -> Result<ColumnBatches<'a>, Error> {
        let wanted = self.file.wanted(columns);
        let (dataset, file) = (self.dataset, self.file);
        let batches: Batches<'a> = match self.content {
            Content::Placed { part, .. } => file.table.read(part, &wanted, batch_rows)?,
            Content::Chunk(chunk) => Box::new((chunk.decode)()?.map(|decoded| decoded.map(|(batch, _)| batch))),
        };
        Ok(file.arranged(dataset, columns, &wanted, batches))
    }

    /// Like [`Part::read`], plus the rows as the file has them when `whole`. A part that was cut while reading
    /// has them if the pass was started so.
    pub fn read_whole(self, columns: &[usize], batch_rows: usize, whole: bool) -> Result<WholeRowBatches<'a>, Error> {
        let wanted = self.file.wanted(columns);
        let (dataset, file) = (self.dataset, self.file);
        match self.content {
            Content::Placed { part, .. } => {
                let batches = file.table.read(part, &wanted, batch_rows)?;
                let batches = file.arranged(dataset, columns, &wanted, batches);
                if whole {
                    let native = file.table.read_native(part, batch_rows)?;
                    return Ok(Box::new(Lockstep::new(file.path(), batches, native)));
                }
                Ok(Box::new(batches.map(|columns| Ok(WholeRows { columns: columns?, whole: None }))))
            }
            Content::Chunk(chunk) => {
                let arranger = file.arranger(dataset, columns, &wanted);
                Ok(Box::new((chunk.decode)()?.map(move |decoded| {
                    let (batch, own) = decoded?;
                    Ok(WholeRows { columns: arranger.columns(&batch)?, whole: own.filter(|_| whole) })
                })))
            }
        }
    }

    /// Reads some rows of a column: increasing ranges, made of pages that [`Part::pages`] tells of.
    pub fn read_rows(self, column: usize, rows: &[Range<u64>], batch_rows: usize) -> Result<ColumnBatches<'a>, Error> {
        let wanted = self.file.wanted(&[column]);
        let (Content::Placed { part, .. }, [position]) = (&self.content, wanted.as_slice()) else {
            return Err(Error::Internal(format!("column {column} has no pages")));
        };
        let batches = self.file.table.read_rows(*part, *position, rows, batch_rows)?;
        Ok(self.file.arranged(self.dataset, &[column], &wanted, batches))
    }
}

/// What is certain of a column once it has another type. A conversion keeps the order, or it is an error.
fn facts_as(facts: ColumnFacts, data_type: &DataType) -> ColumnFacts {
    let range = facts.range.and_then(|(low, high)| {
        cast_strictly(&low, data_type).and_then(|low| Ok((low, cast_strictly(&high, data_type)?))).ok()
    });
    ColumnFacts { range, ..facts }
}

impl OpenFile {
    fn new(input: Option<Input>, table: Arc<dyn Table>, places: Vec<Place>) -> Self {
        Self { input, table, places }
    }

    /// For messages.
    fn path(&self) -> PathBuf {
        self.input.as_ref().map_or_else(PathBuf::new, |input| input.path.clone())
    }

    /// Positions in the file of columns of the dataset, increasing.
    fn wanted(&self, columns: &[usize]) -> Vec<usize> {
        let position = |column: &usize| match self.places.get(*column)? {
            Place::Column { position, .. } => Some(*position),
            _ => None,
        };
        let mut wanted: Vec<usize> = columns.iter().filter_map(position).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Columns of the dataset, from batches that have those `wanted` of the file.
    fn arranged<'a>(
        &'a self,
        dataset: &Dataset,
        columns: &[usize],
        wanted: &[usize],
        batches: Batches<'a>,
    ) -> ColumnBatches<'a> {
        let arranger = self.arranger(dataset, columns, wanted);
        Box::new(batches.map(move |batch| arranger.columns(&batch?)))
    }

    fn arranger(&self, dataset: &Dataset, columns: &[usize], wanted: &[usize]) -> Arranger {
        let places = columns
            .iter()
            .map(|column| {
                let place = match &self.places[*column] {
                    Place::Column { position, converted } => {
                        Place::Column { position: wanted.binary_search(position).unwrap_or(0), converted: *converted }
                    }
                    place => place.clone(),
                };
                (place, dataset.schema.field(*column).data_type().clone())
            })
            .collect();
        Arranger { path: self.path(), redaction: dataset.redaction, places }
    }
}

/// Makes columns of the dataset from batches of a file.
struct Arranger {
    path: PathBuf,
    redaction: Redaction,
    places: Vec<(Place, DataType)>,
}

impl Arranger {
    fn columns(&self, batch: &RecordBatch) -> Result<Columns, Error> {
        arranged(batch, &self.places).map_err(|error| {
            // The error may quote the value.
            let which = if self.redaction.is_off() { format!(": {error}") } else { String::new() };
            let message = format!("a value does not fit the type of the other files{which}");
            Error::Schema { path: self.path.clone(), message }
        })
    }
}

fn arranged(batch: &RecordBatch, places: &[(Place, DataType)]) -> Result<Columns, arrow_schema::ArrowError> {
    let rows = batch.num_rows();
    let array = |(place, data_type): &(Place, DataType)| match place {
        Place::Column { position, converted: false } => Ok(batch.column(*position).clone()),
        Place::Column { position, converted: true } => cast_strictly(batch.column(*position), data_type),
        Place::Missing => Ok(new_null_array(data_type, rows)),
        Place::Constant(value) => repeated(value, rows),
    };
    Ok(Columns { arrays: places.iter().map(array).collect::<Result<_, _>>()?, rows })
}

/// One value on every row.
fn repeated(value: &ArrayRef, rows: usize) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let indices = arrow_array::UInt32Array::from(vec![0; rows]);
    arrow_select::take::take(value, &indices, None)
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataset").field("schema", &self.schema).field("files", &self.files.len()).finish()
    }
}
