//! Objects that are written: a store shows one once it is complete, or never.

use super::address::{Address, Kind, invalid};
use super::connect::{Place, attempt};
use super::flight::{PIECE, spawn};
use crate::error::Error;
use crate::input::remote::shown_url;
use object_store::path::Path as Key;
use object_store::{PutMultipartOptions, PutOptions, PutPayload, WriteMultipart};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;

/// Parts of an object; stores take ten thousand.
const MOST_PARTS: u64 = 9_000;

/// Parts on their way at once.
const AT_ONCE: usize = 4;

/// Refuses URLs that no object can be written to.
pub fn check_upload(url: &str) -> Result<(), Error> {
    address(url).map(drop).map_err(|source| trouble(url, source))
}

/// Writes a file to an object, replacing what is there once all of it has arrived.
pub fn upload(url: &str, file: File) -> Result<(), Error> {
    let deliver = |(address, key): (Address, Key)| {
        let file = Arc::new(file);
        spawn(async move { attempt(&address, |place| send(place, key.clone(), file.clone())).await })?.wait()
    };
    address(url).and_then(deliver).map_err(|source| trouble(url, source))
}

fn trouble(url: &str, source: io::Error) -> Error {
    Error::Write { path: PathBuf::from(shown_url(url)), source }
}

fn address(url: &str) -> io::Result<(Address, Key)> {
    let address = Address::parse(url)?;
    if address.kind == Kind::Web {
        return Err(invalid("web servers take no files: name a local file, or an object at s3://, gs:// or az://"));
    }
    let key = address.object_key()?;
    Ok((address, key))
}

/// Sends a file from its start. What fails is aborted: a store charges for parts that are never completed.
async fn send(place: Arc<Place>, key: Key, file: Arc<File>) -> Result<(), object_store::Error> {
    let mut file = file.as_ref();
    let length = file.metadata().map_err(unreadable)?.len();
    file.rewind().map_err(unreadable)?;
    if length <= PIECE {
        let payload = PutPayload::from(piece(file, PIECE)?);
        return place.store.put_opts(&key, payload, PutOptions::default()).await.map(drop);
    }
    let part = PIECE.max(length.div_ceil(MOST_PARTS));
    let upload = place.store.put_multipart_opts(&key, PutMultipartOptions::default()).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, usize::try_from(part).unwrap_or(usize::MAX));
    let mut sent = 0;
    while sent < length {
        let ready = match upload.wait_for_capacity(AT_ONCE).await {
            Ok(()) => piece(file, part),
            Err(error) => Err(error),
        };
        match ready {
            Ok(bytes) if !bytes.is_empty() => {
                sent += bytes.len() as u64;
                upload.write(&bytes);
            }
            failed => {
                let error = failed.err().unwrap_or_else(|| unreadable(io::ErrorKind::UnexpectedEof.into()));
                // The first error is the one to report.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
    }
    upload.finish().await.map(drop)
}

/// The next bytes of a file.
fn piece(file: &File, length: u64) -> Result<Vec<u8>, object_store::Error> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn unreadable(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "temporary file", source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::GetOptions;
    use object_store::memory::InMemory;
    use std::io::Write;

    #[test]
    fn small_and_large_files_arrive_whole() {
        let store = Arc::new(InMemory::new());
        let place = Arc::new(Place {
            kind: Kind::S3,
            store: store.clone(),
            name: "bucket `data`".into(),
            server: "memory".into(),
            identity: None,
            region: None,
        });
        for length in [0, 5, PIECE as usize, 2 * PIECE as usize + 7] {
            let content: Vec<u8> = (0..length).map(|index| (index ^ (index >> 11)) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content).unwrap();
            let (place, key) = (place.clone(), Key::from("a/b"));
            let arrived = spawn(async move {
                send(place.clone(), key.clone(), Arc::new(file)).await.map_err(io::Error::from)?;
                let found = place.store.get_opts(&key, GetOptions::default()).await.map_err(io::Error::from)?;
                found.bytes().await.map_err(io::Error::from)
            });
            assert!(arrived.unwrap().wait().unwrap() == content);
        }
    }

    #[test]
    fn urls_that_take_nothing_are_refused() {
        for url in ["https://example.com/a.csv", "s3://bucket", "s3://bucket/below/", "ftp://x/y", "s3://"] {
            assert!(matches!(check_upload(url), Err(Error::Write { .. })), "{url}");
        }
        check_upload("s3://bucket/a.csv").unwrap();
    }
}
