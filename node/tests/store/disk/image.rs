//! What a disk holds, as pages shared between copies: an image costs what it differs by, so tens of thousands of them
//! can be made from one history. It must not know redb or the store.

use std::sync::{Arc, LazyLock, OnceLock};

pub const PAGE: usize = 4096;
pub const SECTOR: usize = 512;

#[derive(Debug)]
struct Page {
    bytes: [u8; PAGE],
    hash: OnceLock<blake3::Hash>,
}

impl Page {
    fn of(bytes: [u8; PAGE]) -> Arc<Self> {
        Arc::new(Self { bytes, hash: OnceLock::new() })
    }
}

static ZEROS: LazyLock<Arc<Page>> = LazyLock::new(|| Page::of([0; PAGE]));

/// The bytes of a file.
#[derive(Debug, Clone, Default)]
pub struct Image {
    len: usize,
    pages: Vec<Arc<Page>>,
}

impl Image {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Cuts, or extends with zeros.
    pub fn set_len(&mut self, len: usize) {
        self.pages.resize_with(len.div_ceil(PAGE), || ZEROS.clone());
        let left = len % PAGE;
        if len < self.len && left > 0 {
            self.change(len / PAGE, |page| page[left..].fill(0));
        }
        self.len = len;
    }

    fn change(&mut self, page: usize, change: impl FnOnce(&mut [u8; PAGE])) {
        let mut bytes = self.pages[page].bytes;
        change(&mut bytes);
        self.pages[page] = Page::of(bytes);
    }

    /// Writes what lies within the file's length. A file system that lost the extension of a file lost what was written
    /// behind the old end with it, so that part is left out.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = (offset + bytes.len()).min(self.len);
        let mut at = offset;
        while at < end {
            let to = ((at / PAGE + 1) * PAGE).min(end);
            let part = &bytes[at - offset..to - offset];
            let from = at % PAGE;
            self.change(at / PAGE, |page| page[from..from + part.len()].copy_from_slice(part));
            at = to;
        }
    }

    /// Fills `out` from `offset` on; false when the file ends before that.
    pub fn read(&self, offset: usize, out: &mut [u8]) -> bool {
        if offset + out.len() > self.len {
            return false;
        }
        let mut at = offset;
        while at < offset + out.len() {
            let to = ((at / PAGE + 1) * PAGE).min(offset + out.len());
            out[at - offset..to - offset].copy_from_slice(&self.pages[at / PAGE].bytes[at % PAGE..][..to - at]);
            at = to;
        }
        true
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        assert!(self.read(0, &mut bytes));
        bytes
    }

    /// A name for the content: equal exactly where the bytes are.
    pub fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.len.to_be_bytes());
        for page in &self.pages {
            hasher.update(page.hash.get_or_init(|| blake3::hash(&page.bytes)).as_bytes());
        }
        hasher.finalize()
    }
}
