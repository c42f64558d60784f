//! A bundle: one tar file with the head, a stretch of a node's chain, and an incident's items.
//!
//! `head.json`, `manifests.jsonl`, then `items/NAME` in the order of their manifests. The tar is written in one way only, so
//! every byte of it is checked: those of items by their hashes, all others by writing the file again.

use std::io::{self, Read as _};

use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Manifest, open, sha256_hex, sign};
use crate::{NodePath, PinnedKey, Utc};

const HEAD: &str = "head.json";
const MANIFESTS: &str = "manifests.jsonl";
const ITEMS: &str = "items/";

/// What a bundle holds; signed by whoever made the bundle, so that neither end of the stretch can be cut off unseen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The node whose chain it is.
    pub node: NodePath,
    /// Its public key, as people write it.
    pub key: String,
    /// Public key of whoever made the bundle and signed this head.
    pub signer: String,
    /// The incident whose items are here.
    pub incident: Uuid,
    /// How many manifests, of this incident and of those between.
    pub manifests: u64,
    /// SHA-256 of the last signed manifest.
    pub last: String,
    /// Numbers of manifests of this incident whose items whoever made the bundle did not have.
    pub missing: Vec<u64>,
    /// When the bundle was made.
    pub made: Utc,
}

/// A bundle, apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The signed [`Head`].
    pub head: Vec<u8>,
    /// Signed manifests in the chain's order, without a gap.
    pub manifests: Vec<Vec<u8>>,
    /// Names and bytes of the incident's items, in the order of their manifests.
    pub items: Vec<(String, Vec<u8>)>,
}

/// What a bundle that is whole proves.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The signed head.
    pub head: Head,
    /// Whether its key is one that the reader knew before; the bundle's own word proves nothing of whose it is.
    pub known_key: bool,
    /// Items that are as they were signed.
    pub items: usize,
    /// Items of the incident that the bundle says it has not.
    pub missing: Vec<String>,
}

/// The first thing that is wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A byte outside what is signed differs from what was written.
    #[error("byte {0} of the file is not as it was written")]
    Byte(usize),
    /// The file cannot be taken apart.
    #[error("the file is no bundle: {0}")]
    File(String),
    /// The head, a manifest or an item is wrong.
    #[error("{what} {why}")]
    Item {
        /// Which.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// A manifest stands where another belongs.
    #[error("manifest {place} of the bundle is out of order: {why}")]
    Order {
        /// Its place in the bundle, from 1.
        place: usize,
        /// What is wrong.
        why: String,
    },
}

fn item(what: impl Into<String>, why: impl Into<String>) -> Wrong {
    Wrong::Item {
        what: what.into(),
        why: why.into(),
    }
}

impl Bundle {
    /// Puts a bundle together and signs its head with `signer`, which need not be the node's key: manifests have their own
    /// signatures.
    ///
    /// # Errors
    /// Never in practice: the head is plain data; the error of the serialiser is passed on.
    pub fn sign(
        head: Head,
        manifests: Vec<Vec<u8>>,
        items: Vec<(String, Vec<u8>)>,
        signer: &Ed25519KeyPair,
    ) -> Result<Bundle, serde_json::Error> {
        let head = Head {
            signer: PinnedKey::of(signer).to_string(),
            manifests: manifests.len() as u64,
            last: manifests.last().map_or(String::new(), |m| sha256_hex(m)),
            ..head
        };
        Ok(Bundle {
            head: sign(head, signer)?,
            manifests,
            items,
        })
    }

    /// The file.
    ///
    /// # Errors
    /// If a name is too long for a tar file.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(0);
            tar.append_data(&mut header, name, bytes)
        };
        add(HEAD, &self.head)?;
        let lines: Vec<u8> = self.manifests.iter().flat_map(|m| line(m)).collect();
        add(MANIFESTS, &lines)?;
        for (name, bytes) in &self.items {
            add(&format!("{ITEMS}{name}"), bytes)?;
        }
        tar.into_inner()
    }

    /// A bundle as it was written, without a look at what it proves.
    ///
    /// # Errors
    /// The bytes are no such archive.
    pub fn decode(file: &[u8]) -> io::Result<Bundle> {
        let mut bundle = Bundle::default();
        for entry in tar::Archive::new(file).entries()? {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            match name.as_str() {
                HEAD => bundle.head = bytes,
                MANIFESTS => {
                    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                    bundle.manifests = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                }
                _ => {
                    let name = name.strip_prefix(ITEMS).unwrap_or(&name).to_owned();
                    bundle.items.push((name, bytes));
                }
            }
        }
        Ok(bundle)
    }
}

fn line(manifest: &[u8]) -> Vec<u8> {
    [manifest, b"\n"].concat()
}

/// Checks every byte of a bundle. `known`: keys that the reader trusts to be nodes'; without one that fits, the head's
/// own is used, and [`Verified::known_key`] says so.
///
/// # Errors
/// The first thing that is [`Wrong`].
pub fn verify(file: &[u8], known: &[PinnedKey]) -> Result<Verified, Wrong> {
    let bundle = Bundle::decode(file).map_err(|e| Wrong::File(e.to_string()))?;
    let (head, key) = head(&bundle.head)?;
    let manifests = chain(&bundle.manifests, &head, &key)?;
    let own = manifests.iter().filter(|m| m.incident == head.incident);
    let (missing, here): (Vec<_>, Vec<_>) = own.partition(|m| head.missing.contains(&m.number));
    if missing.len() != head.missing.len() {
        let why = "names items as missing that it does not know";
        return Err(item(HEAD, why));
    }
    items(&bundle.items, &here)?;
    let written = bundle.encode().map_err(|e| Wrong::File(e.to_string()))?;
    let differs = written.iter().zip(file).position(|(a, b)| a != b);
    let shorter = written.len().min(file.len());
    if let Some(at) = differs.or((written.len() != file.len()).then_some(shorter)) {
        return Err(Wrong::Byte(at));
    }
    Ok(Verified {
        known_key: known.contains(&key),
        items: here.len(),
        missing: missing.iter().map(|m| m.item.clone()).collect(),
        head,
    })
}

/// Whether the items are those that the manifests speak of, in their order.
fn items(items: &[(String, Vec<u8>)], manifests: &[&Manifest]) -> Result<(), Wrong> {
    for (i, manifest) in manifests.iter().enumerate() {
        let what = || format!("item {:?}", manifest.item);
        let (name, bytes) = items.get(i).ok_or_else(|| item(what(), "is missing"))?;
        if *name != manifest.item {
            return Err(item(what(), format!("is missing: {name:?} stands there")));
        }
        if bytes.len() as u64 != manifest.bytes || sha256_hex(bytes) != manifest.sha256 {
            return Err(item(what(), "is not what was signed"));
        }
    }
    match items.get(manifests.len()) {
        Some((name, _)) => Err(item(format!("item {name:?}"), "has no manifest")),
        None => Ok(()),
    }
}

/// The head, if whom it names signed it, and the node's key.
fn head(line: &[u8]) -> Result<(Head, PinnedKey), Wrong> {
    #[derive(Deserialize)]
    struct Signer {
        signer: String,
    }
    #[derive(Deserialize)]
    struct Named {
        body: Signer,
    }
    let wrong = |why: String| item(HEAD, why);
    let key = |text: &str| {
        let key = text.parse::<PinnedKey>();
        key.map_err(|e| wrong(format!("names a key that {e}")))
    };
    let named: Named =
        serde_json::from_slice(line).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let head: Head = open(line, &key(&named.body.signer)?).map_err(wrong)?;
    let node = key(&head.key)?;
    Ok((head, node))
}

/// The manifests, if each follows the one before it and the head names the last.
fn chain(lines: &[Vec<u8>], head: &Head, key: &PinnedKey) -> Result<Vec<Manifest>, Wrong> {
    let mut manifests: Vec<Manifest> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let wrong = |why| item(format!("manifest {} of the bundle", i + 1), why);
        let manifest: Manifest = open(line, key).map_err(wrong)?;
        let order = |why: String| Wrong::Order { place: i + 1, why };
        if manifest.node != head.node {
            return Err(order(format!("it is of {}", manifest.node)));
        }
        if manifests.first().is_some_and(|m| m.chain != manifest.chain) {
            return Err(order("it is of another chain".to_owned()));
        }
        if let (Some(before), Some(line)) = (manifests.last(), i.checked_sub(1).map(|i| &lines[i]))
            && (manifest.previous != sha256_hex(line) || manifest.number != before.number + 1)
        {
            let (number, before) = (manifest.number, before.number);
            return Err(order(format!("number {number} does not follow {before}")));
        }
        manifests.push(manifest);
    }
    let last = lines.last().map_or(String::new(), |l| sha256_hex(l));
    if lines.len() as u64 != head.manifests || last != head.last {
        let why = format!(
            "the head names {} manifests and another end",
            head.manifests
        );
        return Err(Wrong::Order {
            place: lines.len(),
            why,
        });
    }
    Ok(manifests)
}
