//! Requests on their way, and the threads that make them.

use super::connect::Place;
use super::failure::{Failure, changed, explain};
use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta};
use std::collections::VecDeque;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, OnceLock, mpsc};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Bytes of one request; longer ranges are several.
pub(super) const PIECE: u64 = 8 << 20;

/// Bytes fetched together with the size: the format is recognised by them, small files are whole.
const HEAD: u64 = 16 << 10;

/// One version of one object.
pub(super) struct Object {
    pub(super) place: Arc<Place>,
    pub(super) key: Key,
    /// Its size, time and tag.
    pub(super) version: ObjectMeta,
    /// Its first bytes.
    pub(super) head: Bytes,
}

/// What an object is. Not by a HEAD request: their errors have no text, and URLs signed for GET allow only GET.
pub(super) async fn first_look(place: Arc<Place>, key: Key) -> Result<Object, object_store::Error> {
    let options = GetOptions { range: Some(GetRange::Bounded(0..HEAD)), ..GetOptions::default() };
    let (version, head) = match place.store.get_opts(&key, options).await {
        Ok(found) => (found.meta.clone(), found.bytes().await?),
        // Of an empty object there is no range.
        Err(error) if Failure::of(&error).status == Some(416) => {
            (place.store.get_opts(&key, GetOptions::default()).await?.meta, Bytes::new())
        }
        Err(error) => return Err(error),
    };
    Ok(Object { place, key, version, head })
}

/// Cuts a range into pieces: the first of `first` bytes, each next one twice as long up to [`PIECE`].
pub(super) fn pieces(range: Range<u64>, first: u64) -> impl Iterator<Item = Range<u64>> + Send + 'static {
    let (mut start, mut length) = (range.start, first);
    std::iter::from_fn(move || {
        let piece = start..range.end.min(start.saturating_add(length));
        start = piece.end;
        length = PIECE.min(length * 2);
        (!piece.is_empty()).then_some(piece)
    })
}

/// Pieces of an object on their way, in order. There are more of them from landing to landing,
/// but never more than the limit: with the piece just landed, that bounds the memory.
pub(super) struct Flight {
    object: Arc<Object>,
    again: VecDeque<Range<u64>>,
    waiting: Box<dyn Iterator<Item = Range<u64>> + Send>,
    flying: VecDeque<(Range<u64>, Pending<Bytes>)>,
    most: usize,
    limit: usize,
}

impl Flight {
    /// A flight that starts with the first of `most` requests at once, and comes to the last.
    pub(super) fn new(
        object: &Arc<Object>,
        waiting: impl Iterator<Item = Range<u64>> + Send + 'static,
        most: RangeInclusive<usize>,
    ) -> Self {
        Self {
            object: object.clone(),
            again: VecDeque::new(),
            waiting: Box::new(waiting),
            flying: VecDeque::new(),
            most: *most.start(),
            limit: *most.end(),
        }
    }

    fn launch(&mut self) -> io::Result<()> {
        while self.flying.len() < self.most
            && let Some(range) = self.again.pop_front().or_else(|| self.waiting.next())
        {
            let pending = spawn(fetch(self.object.clone(), range.clone()))?;
            self.flying.push_back((range, pending));
        }
        Ok(())
    }

    /// The next piece. After an error the same piece is tried again: nothing is ever left out.
    pub(super) fn land(&mut self) -> io::Result<Option<Bytes>> {
        self.launch()?;
        let Some((range, pending)) = self.flying.pop_front() else { return Ok(None) };
        match pending.wait() {
            Ok(bytes) => {
                self.most = self.limit.min(self.most + 1);
                self.launch()?;
                Ok(Some(bytes))
            }
            Err(error) => {
                while let Some((later, _)) = self.flying.pop_back() {
                    self.again.push_front(later);
                }
                self.again.push_front(range);
                Err(error)
            }
        }
    }
}

/// A range of the version that was opened.
async fn fetch(object: Arc<Object>, range: Range<u64>) -> io::Result<Bytes> {
    let (place, key, opened) = (&object.place, &object.key, &object.version);
    // A weak tag never matches; then only the comparison below tells.
    let if_match = opened.e_tag.clone().filter(|tag| !tag.starts_with("W/"));
    let options = GetOptions { if_match, range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
    let found = place.store.get_opts(key, options).await.map_err(|error| explain(place, key.as_ref(), &error))?;
    let now = &found.meta;
    let same_time = opened.e_tag.is_some() || now.last_modified == opened.last_modified;
    if now.e_tag != opened.e_tag || now.size != opened.size || !same_time {
        return Err(changed());
    }
    let bytes = found.bytes().await.map_err(|error| explain(place, key.as_ref(), &error))?;
    if bytes.len() as u64 == range.end - range.start { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Work that the network threads do.
pub(super) struct Pending<T> {
    result: mpsc::Receiver<io::Result<T>>,
    task: JoinHandle<()>,
}

impl<T> Pending<T> {
    /// Its result, once it is there.
    pub(super) fn wait(self) -> io::Result<T> {
        self.result.recv().unwrap_or_else(|_| Err(io::Error::other("a network task broke off; please report it")))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts work on the network threads. The caller waits on a channel, which any thread may: `block_on`
/// would panic on the threads of another runtime.
pub(super) fn spawn<T: Send + 'static>(
    work: impl Future<Output = io::Result<T>> + Send + 'static,
) -> io::Result<Pending<T>> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let start = || Builder::new_multi_thread().worker_threads(2).thread_name("dq-network").enable_all().build();
    let runtime = RUNTIME.get_or_init(|| start().map_err(|error| error.to_string()));
    let runtime = runtime.as_ref().map_err(|error| io::Error::other(format!("no network threads: {error}")))?;
    let (sender, result) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        // Nobody waits any more: that is fine.
        let _ = sender.send(work.await);
    });
    Ok(Pending { result, task })
}
