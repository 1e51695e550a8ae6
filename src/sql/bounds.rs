//! Limits on what a function may make.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use datafusion::common::{Result, resources_datafusion_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

/// Bytes that one call of a function over one batch may make.
const MOST_BYTES: u64 = 256 << 20;

/// Estimates the bytes that a call makes.
type Estimate = fn(&ScalarFunctionArgs) -> u64;

/// Functions whose result may be much larger than their arguments.
const GROWING: &[(&str, Estimate)] = &[
    ("concat", joined),
    ("concat_ws", joined),
    ("lpad", padded),
    ("repeat", repeated),
    ("replace", replaced),
    ("regexp_replace", replaced),
    ("rpad", padded),
    ("space", spaced),
];

/// Functions that make lists or texts of any length out of nothing; no check of rows needs them.
pub const WITHOUT_LIMIT: &[&str] = &[
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "format_string",
    "printf",
    "gen_series",
    "generate_series",
    "range",
    "sequence",
    "random",
    "rand",
    "randn",
    "uuid",
    "shuffle",
    "array_concat",
    "array_cat",
    "list_concat",
    "list_cat",
    "arrow_cast",
    "arrow_try_cast",
];

/// The largest number among an argument's values.
fn largest(value: &ColumnarValue, rows: usize) -> u64 {
    let Ok(array) = value.cast_to(&DataType::Int64, None).and_then(|value| value.into_array(rows)) else { return 0 };
    let numbers = array.as_primitive::<arrow_array::types::Int64Type>();
    numbers.iter().flatten().max().map_or(0, |most| most.max(0) as u64)
}

/// Bytes of an argument over all rows.
fn bytes(value: &ColumnarValue, rows: usize) -> u64 {
    match value {
        ColumnarValue::Scalar(value) => value.size() as u64 * rows.max(1) as u64,
        ColumnarValue::Array(array) => array.get_array_memory_size() as u64,
    }
}

fn argument(arguments: &ScalarFunctionArgs, position: usize, measure: fn(&ColumnarValue, usize) -> u64) -> u64 {
    arguments.args.get(position).map_or(0, |value| measure(value, arguments.number_rows))
}

fn joined(arguments: &ScalarFunctionArgs) -> u64 {
    arguments.args.iter().map(|value| bytes(value, arguments.number_rows)).sum()
}

fn repeated(arguments: &ScalarFunctionArgs) -> u64 {
    argument(arguments, 0, bytes).saturating_mul(argument(arguments, 1, largest))
}

fn padded(arguments: &ScalarFunctionArgs) -> u64 {
    argument(arguments, 1, largest).saturating_mul(arguments.number_rows.max(1) as u64)
}

fn spaced(arguments: &ScalarFunctionArgs) -> u64 {
    argument(arguments, 0, largest).saturating_mul(arguments.number_rows.max(1) as u64)
}

fn replaced(arguments: &ScalarFunctionArgs) -> u64 {
    let replacement = match arguments.args.get(2) {
        Some(ColumnarValue::Scalar(value)) => value.to_string().len() as u64,
        _ => argument(arguments, 2, bytes),
    };
    argument(arguments, 0, bytes).saturating_mul(replacement.max(1))
}

/// A function that refuses to make more than it may.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    position: usize,
}

/// The function with its limit, if it needs one.
pub fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match GROWING.iter().position(|(name, _)| *name == function.name()) {
        Some(position) => Arc::new(ScalarUDF::new_from_impl(Bounded { inner: function, position })),
        None => function,
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }
    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<arrow_schema::FieldRef> {
        self.inner.return_field_from_args(arguments)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }
    fn simplify(&self, arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // The inner function might put itself in its place, without the limit.
        Ok(ExprSimplifyResult::Original(arguments))
    }
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let estimate = GROWING.get(self.position).map_or(0, |(_, estimate)| estimate(&arguments));
        if estimate > MOST_BYTES {
            return Err(resources_datafusion_err!(
                "{} would make up to {} MiB at once, the limit is {} MiB",
                self.name(),
                estimate >> 20,
                MOST_BYTES >> 20
            ));
        }
        self.inner.invoke_with_args(arguments)
    }
}
