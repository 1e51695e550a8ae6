//! Data far away: objects in S3, Google Cloud Storage and Azure, and files of web servers.
//!
//! Everything is read by range requests, over two network threads that the whole process shares.
//! Ranges of two versions of an object never mix: one that changes while it is read is an error.

mod address;
mod connect;
mod failure;
mod flight;
mod profile;
mod upload;

pub use upload::{check_upload, upload};

use self::address::{Address, Kind, invalid};
use self::connect::{Place, attempt};
use self::flight::{Flight, Object, PIECE, first_look, pieces, spawn};
use super::remote::{Listed, shown_url};
use super::source::Source;
use crate::error::Error;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{GetOptions, ObjectMeta};
use std::io::{self, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Ranges nearer to each other are one request: a round trip costs more than the bytes between.
const GAP: u64 = 1 << 20;

/// The first piece of a reader; each next one is twice as long, because many readers stop after a sample.
const FIRST_PIECE: u64 = 1 << 20;

/// Pieces a reader fetches ahead.
const READ_AHEAD: usize = 4;

/// Requests at once for the ranges of one call.
const AT_ONCE: usize = 8;

/// Objects looked at for one URL.
const MOST_OBJECTS: usize = 1_000_000;

/// Opens an object, at the cost of one request.
pub fn open(url: &str) -> Result<Arc<dyn Source>, Error> {
    let look = |address: Address| spawn(async move { probe(&address).await })?.wait();
    let object = Address::parse(url).and_then(look).map_err(|source| trouble(url, source))?;
    Ok(Arc::new(Remote { object: Arc::new(object) }))
}

/// The objects of a URL, sorted: the object itself, everything below a prefix, or what a pattern with
/// `*`, `?`, `**` or `[...]` matches; none is an error. URLs of web servers stand for themselves.
pub fn list(url: &str) -> Result<Vec<Listed>, Error> {
    let look = |address: Address| spawn(async move { listed(&address).await })?.wait();
    Address::parse(url).and_then(look).map_err(|source| trouble(url, source))
}

fn trouble(url: &str, source: io::Error) -> Error {
    Error::Read { path: PathBuf::from(shown_url(url)), source }
}

async fn probe(address: &Address) -> io::Result<Object> {
    let key = address.object_key()?;
    attempt(address, |place| first_look(place, key.clone())).await
}

async fn listed(address: &Address) -> io::Result<Vec<Listed>> {
    let pattern = address.has_wildcards().then(|| glob::Pattern::new(&address.key)).transpose();
    if !matches!(pattern, Ok(Some(_))) && !address.names_directory() {
        match probe(address).await {
            Ok(object) => return Ok(vec![entry(address, &object.version)]),
            Err(error) if error.kind() == io::ErrorKind::NotFound && address.kind != Kind::Web => {}
            Err(error) => return Err(error),
        }
    }
    let pattern = pattern.map_err(|error| invalid(&format!("is no pattern: {error}")))?;
    let prefix = address.directory_key(pattern.is_some())?;
    let (mut found, complete) = attempt(address, |place| below(place, prefix.clone(), pattern.clone())).await?;
    if !complete {
        return Err(invalid(&format!("there are more than {MOST_OBJECTS} objects below the prefix")));
    }
    // A wildcard may also be part of a name.
    let literal = |object: &ObjectMeta| {
        let own: &str = object.location.as_ref();
        own == address.key
    };
    if pattern.is_some() && found.iter().any(literal) {
        found.retain(literal);
    }
    let (bucket, key) = (&address.bucket, &address.key);
    if found.is_empty() {
        let message = match key.as_str() {
            "" => format!("`{bucket}` is empty"),
            _ if pattern.is_some() => format!("no object in `{bucket}` matches `{key}`"),
            _ => format!("there is no object `{key}` in `{bucket}`, and none below it"),
        };
        return Err(io::Error::new(io::ErrorKind::NotFound, crate::error::escape_controls(&message)));
    }
    let mut entries: Vec<Listed> = found.iter().map(|object| entry(address, object)).collect();
    entries.sort_by(|left, right| left.url.cmp(&right.url));
    Ok(entries)
}

/// Objects below a prefix, and whether these are all: no more than [`MOST_OBJECTS`] are looked at.
async fn below(
    place: Arc<Place>,
    prefix: Key,
    pattern: Option<glob::Pattern>,
) -> Result<(Vec<ObjectMeta>, bool), object_store::Error> {
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let matches = |key: &str| {
        pattern.as_ref().is_none_or(|pattern| pattern.as_str() == key || pattern.matches_with(key, options))
    };
    let mut objects = place.store.list(Some(&prefix));
    let (mut found, mut seen) = (Vec::new(), 0);
    while let Some(object) = objects.try_next().await? {
        seen += 1;
        if seen > MOST_OBJECTS {
            return Ok((found, false));
        }
        if !matches(object.location.as_ref()) {
            continue;
        }
        // Keys that end in `/` mark directories; they lose that character here, and are no objects without it.
        let marks_directory = object.size == 0 && {
            let options = GetOptions { head: true, ..GetOptions::default() };
            let own = place.store.get_opts(&object.location, options).await;
            matches!(own, Err(object_store::Error::NotFound { .. }))
        };
        if !marks_directory {
            found.push(object);
        }
    }
    Ok((found, true))
}

fn entry(address: &Address, object: &ObjectMeta) -> Listed {
    Listed {
        url: address.url_of(object.location.as_ref()),
        size: object.size,
        modified: object.last_modified.timestamp_micros(),
    }
}

/// An opened object.
struct Remote {
    object: Arc<Object>,
}

impl Remote {
    fn within(&self, range: &Range<u64>) -> io::Result<()> {
        if range.start <= range.end && range.end <= self.length() {
            return Ok(());
        }
        let message = format!("bytes {} to {} of {} bytes", range.start, range.end, self.length());
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
    }

    /// Bytes that were fetched with the size.
    fn at_head(&self, range: &Range<u64>) -> Option<Bytes> {
        let within = range.start <= range.end && range.end <= self.object.head.len() as u64;
        within.then(|| self.object.head.slice(range.start as usize..range.end as usize))
    }
}

impl Source for Remote {
    fn length(&self) -> u64 {
        self.object.version.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let range = offset..offset.saturating_add(buffer.len() as u64);
        self.within(&range)?;
        if let Some(known) = self.at_head(&range) {
            buffer.copy_from_slice(&known);
            return Ok(());
        }
        let mut flight = Flight::new(&self.object, pieces(range, PIECE), AT_ONCE..=AT_ONCE);
        let mut left = buffer;
        while let Some(bytes) = flight.land()? {
            let (filled, rest) = std::mem::take(&mut left).split_at_mut(bytes.len());
            filled.copy_from_slice(&bytes);
            left = rest;
        }
        Ok(())
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        ranges.iter().try_for_each(|range| self.within(range))?;
        let spans = spans(ranges.iter().filter(|range| self.at_head(range).is_none()));
        let all = spans.clone().into_iter().flat_map(|span| pieces(span, PIECE));
        let mut flight = Flight::new(&self.object, all, AT_ONCE..=AT_ONCE);
        let mut fetched: Vec<Bytes> = Vec::with_capacity(spans.len());
        for span in &spans {
            let mut whole = flight.land()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if span.end - span.start > PIECE {
                let mut joined = Vec::<u8>::from(whole);
                for _ in pieces(span.clone(), PIECE).skip(1) {
                    joined.extend_from_slice(&flight.land()?.ok_or(io::ErrorKind::UnexpectedEof)?);
                }
                whole = Bytes::from(joined);
            }
            fetched.push(whole);
        }
        let bytes_of = |range: &Range<u64>| {
            let index = spans.partition_point(|span| span.start <= range.start).saturating_sub(1);
            match (spans.get(index), fetched.get(index)) {
                (Some(span), Some(bytes)) if !range.is_empty() => {
                    bytes.slice((range.start - span.start) as usize..(range.end - span.start) as usize)
                }
                _ => Bytes::new(),
            }
        };
        Ok(ranges.iter().map(|range| self.at_head(range).unwrap_or_else(|| bytes_of(range))).collect())
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn version(&self) -> Option<String> {
        self.object.version.e_tag.clone()
    }

    fn modified(&self) -> Option<i64> {
        let modified = self.object.version.last_modified.timestamp_micros();
        // What a server that does not tell seems to say.
        (modified != 0).then_some(modified)
    }

    fn reader(self: Arc<Self>) -> Box<dyn Read + Send> {
        let head = self.object.head.clone();
        let rest = pieces(head.len() as u64..self.length(), FIRST_PIECE);
        Box::new(Reader { ready: head, flight: Flight::new(&self.object, rest, 1..=READ_AHEAD) })
    }
}

/// An object from start to end.
struct Reader {
    ready: Bytes,
    flight: Flight,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !buffer.is_empty() {
            match self.flight.land()? {
                Some(bytes) => self.ready = bytes,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.ready.len());
        buffer[..count].copy_from_slice(&self.ready.split_to(count));
        Ok(count)
    }
}

/// What to fetch so that all ranges are in it, sorted and apart.
fn spans<'a>(ranges: impl Iterator<Item = &'a Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges.filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut spans: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match spans.last_mut() {
            Some(last) if range.start < last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
            _ => spans.push(range),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use object_store::{ObjectStore, PutOptions, PutPayload};

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index ^ (index >> 7) ^ (index >> 15)) as u8).collect()
    }

    fn put(store: &Arc<InMemory>, content: Vec<u8>) {
        let store = store.clone();
        let put = spawn(async move {
            let payload = PutPayload::from(content);
            store.put_opts(&Key::from("a"), payload, PutOptions::default()).await.map(drop).map_err(io::Error::from)
        });
        put.unwrap().wait().unwrap();
    }

    fn stored(content: Vec<u8>) -> (Arc<InMemory>, Arc<Remote>) {
        let store = Arc::new(InMemory::new());
        put(&store, content);
        let place = Arc::new(Place {
            kind: Kind::S3,
            store: store.clone(),
            name: "bucket `data`".into(),
            server: "memory".into(),
            identity: None,
            region: None,
        });
        let look = spawn(async move { first_look(place, Key::from("a")).await.map_err(io::Error::from) });
        let object = look.unwrap().wait().unwrap();
        (store, Arc::new(Remote { object: Arc::new(object) }))
    }

    #[test]
    fn pieces_and_spans_cover_what_is_asked() {
        for range in [0..0, 0..1, 5..PIECE, 7..PIECE * 5 + 3, u64::MAX - 9..u64::MAX] {
            let cut: Vec<Range<u64>> = pieces(range.clone(), FIRST_PIECE).collect();
            assert!(cut.iter().all(|piece| !piece.is_empty() && piece.end - piece.start <= PIECE));
            assert!(cut.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!(cut.iter().map(|piece| piece.end - piece.start).sum::<u64>(), range.end - range.start);
        }
        let asked = [GAP * 3..GAP * 3 + 5, 10..20, 0..0, 15..40, 40 + GAP - 1..41 + GAP, 12..13];
        assert_eq!(spans(asked.iter()), [10..41 + GAP, GAP * 3..GAP * 3 + 5]);
    }

    #[test]
    fn every_way_of_reading_gives_the_same_bytes() {
        let bytes = content(20 << 20);
        let (_, remote) = stored(bytes.clone());
        assert_eq!(remote.length(), bytes.len() as u64);
        let mut read = Vec::new();
        remote.clone().reader().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        for range in [0..16, 0..0, 100..20_000, 9 << 20..19 << 20, bytes.len() - 8..bytes.len()] {
            let mut buffer = vec![0; range.len()];
            remote.read_at(range.start as u64, &mut buffer).unwrap();
            assert!(buffer == bytes[range]);
        }
        let ranges = [5 << 20..6 << 20, 0..20 << 20, 7..7, 20 << 20..20 << 20, 3..9, 1_000_000..1_000_001];
        let read = remote.read_ranges(&ranges).unwrap();
        for (range, read) in ranges.iter().zip(read) {
            assert!(read == bytes[range.start as usize..range.end as usize], "{range:?}");
        }
        let mut beyond = [0; 9];
        assert_eq!(remote.read_at(remote.length() - 8, &mut beyond).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(remote.read_at(u64::MAX, &mut beyond).is_err());
        assert!(remote.read_ranges(&[3..9, 0..remote.length() + 1]).is_err());
    }

    #[test]
    fn an_object_that_changes_is_an_error_again_and_again() {
        let (store, remote) = stored(content(30 << 20));
        let mut reader = remote.clone().reader();
        let mut buffer = vec![0; 100_000];
        reader.read_exact(&mut buffer).unwrap();
        put(&store, content(30 << 20));
        let mut rest = Vec::new();
        for _ in 0..2 {
            let error = reader.read_to_end(&mut rest).unwrap_err();
            assert!(error.to_string().contains("changed"), "{error}");
        }
        assert!(remote.read_at(1 << 20, &mut buffer).is_err());
        assert!(remote.read_ranges(&[1 << 20..2 << 20, 3 << 20..4 << 20]).is_err());
    }

    #[test]
    fn threads_of_another_runtime_may_read_too() {
        let (_, remote) = stored(content(100_000));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut buffer = [0; 10];
        runtime.block_on(async { remote.read_at(90_000, &mut buffer) }).unwrap();
        assert_eq!(buffer, content(100_000)[90_000..90_010]);
    }

    #[test]
    fn hostile_urls_are_errors_without_secrets() {
        for url in ["s3://", "s3://a%2f/b", "gs://user:secret@b/c", "https://user:secret@host:x/y?secret", "ftp://x/y"]
        {
            for error in [open(url).err(), list(url).err()] {
                let message = error.map(|error| error.to_string());
                assert!(message.as_ref().is_some_and(|text| !text.contains("secret")), "{url}: {message:?}");
            }
        }
    }
}
