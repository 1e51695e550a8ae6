//! Locations as Avro Java 1.12 gives them: steps from the root, shared by all that lies below.

/// A location in the arena of its [`Paths`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PathId(u32);

/// One step of a location.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Word(&'static str),
    Index(usize),
}

/// Locations that share their beginnings.
#[derive(Debug)]
pub(super) struct Paths {
    steps: Vec<(PathId, Step, u32)>,
}

impl Paths {
    pub(super) const ROOT: PathId = PathId(u32::MAX);

    pub(super) fn new() -> Self {
        Self { steps: Vec::new() }
    }

    pub(super) fn below(&mut self, parent: PathId, step: Step) -> PathId {
        let depth = self.depth(parent) + 1;
        self.steps.push((parent, step, depth));
        PathId(u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX))
    }

    pub(super) fn field(&mut self, parent: PathId, index: usize) -> PathId {
        let fields = self.below(parent, Step::Word("fields"));
        self.below(fields, Step::Index(index))
    }

    fn depth(&self, path: PathId) -> u32 {
        self.steps.get(path.0 as usize).map_or(0, |(_, _, depth)| *depth)
    }

    /// As text; the root is `/`.
    pub(super) fn text(&self, path: PathId) -> String {
        let mut steps = Vec::with_capacity(self.depth(path) as usize);
        let mut at = path;
        while let Some((parent, step, _)) = self.steps.get(at.0 as usize) {
            steps.push(*step);
            at = *parent;
        }
        let mut text = String::new();
        for step in steps.iter().rev() {
            text.push('/');
            match step {
                Step::Word(word) => text.push_str(word),
                Step::Index(index) => text.push_str(&index.to_string()),
            }
        }
        if text.is_empty() { "/".to_string() } else { text }
    }
}
