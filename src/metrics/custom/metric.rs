//! A metric of another crate without its type, and what it has seen.

use super::{CustomMetric, Failure, Identity, Words, plain};
use crate::redaction::Redaction;
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::{Array, ArrayRef};
use std::any::{Any, TypeId};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A state whose type only its metric knows.
type Held = dyn Any + Send + Sync;

/// A [`CustomMetric`] whose states have lost their type.
trait Erased: Send + Sync {
    fn start(&self) -> Box<Held>;
    fn update(&self, state: &mut Held, columns: &[ArrayRef]) -> Result<(), Failure>;
    fn merge(&self, state: &mut Held, later: Box<Held>) -> Result<(), Failure>;
    fn finish(&self, state: Box<Held>) -> Result<Option<Number>, Failure>;
    fn write(&self, state: &Held) -> Result<Vec<u8>, Failure>;
    fn read(&self, bytes: &[u8]) -> Result<Box<Held>, Failure>;
    fn copy(&self, state: &Held) -> Result<Box<Held>, Failure>;
}

/// A mistake of the engine: states go with their metrics.
fn foreign() -> Failure {
    "a state of another metric came".into()
}

impl<M: CustomMetric> Erased for M {
    fn start(&self) -> Box<Held> {
        Box::new(CustomMetric::start(self))
    }

    fn update(&self, state: &mut Held, columns: &[ArrayRef]) -> Result<(), Failure> {
        CustomMetric::update(self, state.downcast_mut().ok_or_else(foreign)?, columns)
    }

    fn merge(&self, state: &mut Held, later: Box<Held>) -> Result<(), Failure> {
        let later = later.downcast::<M::State>().map_err(|_| foreign())?;
        CustomMetric::merge(self, state.downcast_mut().ok_or_else(foreign)?, *later)
    }

    fn finish(&self, state: Box<Held>) -> Result<Option<Number>, Failure> {
        let state = state.downcast::<M::State>().map_err(|_| foreign())?;
        CustomMetric::finish(self, *state)
    }

    fn write(&self, state: &Held) -> Result<Vec<u8>, Failure> {
        let bytes = CustomMetric::write(self, state.downcast_ref().ok_or_else(foreign)?);
        bytes.ok_or_else(|| "it did not write a state".into())
    }

    fn read(&self, bytes: &[u8]) -> Result<Box<Held>, Failure> {
        Ok(Box::new(CustomMetric::read(self, bytes)?))
    }

    fn copy(&self, state: &Held) -> Result<Box<Held>, Failure> {
        let state = state.downcast_ref::<M::State>().ok_or_else(foreign)?;
        Ok(Box::new(state.clone()))
    }
}

/// A [`CustomMetric`] of any type. Two are equal if their types, names and parameters are.
#[derive(Clone)]
pub struct AnyMetric {
    metric: Arc<dyn Erased>,
    identity: Identity,
    is_ordered: bool,
    is_kept: bool,
    words: Words,
}

impl AnyMetric {
    /// Of a metric. Refused if its name cannot be one.
    pub fn new<M: CustomMetric>(metric: M, redaction: &Redaction) -> Result<Self, Unevaluated> {
        let identity = Identity::new(TypeId::of::<M>(), metric.name(), metric.parameters())?;
        let is_ordered = metric.is_ordered();
        let is_kept = CustomMetric::write(&metric, &CustomMetric::start(&metric)).is_some();
        Ok(Self { metric: Arc::new(metric), identity, is_ordered, is_kept, words: Words::new(redaction) })
    }

    /// Its stable name.
    pub fn name(&self) -> &'static str {
        self.identity.name
    }

    /// What tells it from others of its name.
    pub fn parameters(&self) -> &str {
        &self.identity.parameters
    }

    /// Whether states must be merged in the order of the data.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Whether states can be written and read.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Whether another crate's metric has the same name and parameters.
    pub(crate) fn is_double(&self, other: &Self) -> bool {
        self.identity.is_double(&other.identity)
    }

    /// The state that wrote these bytes, or why the metric does not take them.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<CustomState, Arc<Unevaluated>> {
        let held = self.run(|metric| metric.read(bytes))?;
        Ok(CustomState { metric: self.clone(), held: Ok(held) })
    }

    fn run<T>(&self, code: impl FnOnce(&dyn Erased) -> Result<T, Failure>) -> Result<T, Arc<Unevaluated>> {
        self.words.run(format_args!("Custom metric {}", self.identity.name), || code(&*self.metric))
    }
}

impl PartialEq for AnyMetric {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for AnyMetric {}

impl Hash for AnyMetric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

impl fmt::Debug for AnyMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyMetric").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl fmt::Display for AnyMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.identity, f)
    }
}

/// What a metric of another crate has seen; once the metric failed, only why.
pub struct CustomState {
    metric: AnyMetric,
    held: Result<Box<Held>, Arc<Unevaluated>>,
}

impl CustomState {
    /// Before any row.
    pub(crate) fn new(metric: &AnyMetric) -> Self {
        Self { held: metric.run(|metric| Ok(metric.start())), metric: metric.clone() }
    }

    /// The metric.
    pub fn metric(&self) -> &AnyMetric {
        &self.metric
    }

    /// Why there is no number, if the metric failed.
    pub fn failure(&self) -> Option<&Arc<Unevaluated>> {
        self.held.as_ref().err()
    }

    /// Folds rows; the metric sees no batch without any.
    pub(crate) fn update(&mut self, columns: &[ArrayRef]) {
        let Ok(held) = &mut self.held else { return };
        if columns.first().is_some_and(|column| column.is_empty()) {
            return;
        }
        let outcome = self.metric.run(|metric| metric.update(&mut **held, &plain(columns)?));
        if let Err(reason) = outcome {
            self.held = Err(reason);
        }
    }

    /// Joins a state of later rows. If one of the two failed, the whole has; the first failure is told.
    pub(crate) fn merge(&mut self, later: Self) {
        let Ok(held) = &mut self.held else { return };
        let metric = &self.metric;
        let outcome = later.held.and_then(|later| metric.run(|metric| metric.merge(&mut **held, later)));
        if let Err(reason) = outcome {
            self.held = Err(reason);
        }
    }

    /// The number, if there is one.
    pub(crate) fn finish(self) -> Result<Option<Number>, Arc<Unevaluated>> {
        let Self { metric, held } = self;
        held.and_then(|held| metric.run(|metric| metric.finish(held)))
    }

    /// As bytes.
    pub(crate) fn write(&self) -> Result<Vec<u8>, Arc<Unevaluated>> {
        match &self.held {
            Ok(held) => self.metric.run(|metric| metric.write(&**held)),
            Err(reason) => Err(reason.clone()),
        }
    }
}

impl Clone for CustomState {
    fn clone(&self) -> Self {
        let held = match &self.held {
            Ok(held) => self.metric.run(|metric| metric.copy(&**held)),
            Err(reason) => Err(reason.clone()),
        };
        Self { metric: self.metric.clone(), held }
    }
}

impl fmt::Debug for CustomState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomState")
            .field("metric", &self.metric)
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}
