//! Memory of bodies that were read, for those that come next: bodies are large, and memory that is asked for anew must be cleared first.
//!
//! Owns a few pieces of it, none of them large. Does not fail.

use std::sync::{Arc, Mutex, PoisonError};

/// So many pieces are kept: as many bodies as are on their way at one time, more or less.
const KEPT_MAX: usize = 4;
/// What is larger is given back.
const BYTES_KEPT_MAX: usize = 1024 * 1024;

/// See the module. Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spare {
    /// Takes a body that is not wanted any more.
    pub fn put(&self, body: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX && (1..=BYTES_KEPT_MAX).contains(&body.capacity()) {
            kept.push(body);
        }
    }

    /// An empty body with room for so many bytes.
    pub(super) fn take(&self, bytes: usize) -> Vec<u8> {
        let mut body = self.pop(bytes);
        body.clear();
        body
    }

    /// A body of so many bytes, all of which are to be written over: what is in them hangs on the bodies that came before.
    pub(super) fn take_whole(&self, bytes: usize) -> Vec<u8> {
        let mut body = self.pop(bytes);
        body.resize(bytes, 0);
        body
    }

    /// Some body with room for so many bytes. What is too small is given back, and a little more is asked for, which the next may need, but
    /// not so much that it would not be kept.
    fn pop(&self, bytes: usize) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let usual = || bytes.max((bytes + bytes / 8).min(BYTES_KEPT_MAX));
        kept.filter(|body| body.capacity() >= bytes).unwrap_or_else(|| Vec::with_capacity(usual()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_little_is_kept() {
        let spare = Spare::default();
        assert!(spare.take(10).capacity() >= 10);
        let body = vec![7_u8; 100];
        let at = body.as_ptr();
        spare.put(body);
        spare.put(Vec::new());
        let again = spare.clone().take(50);
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
        for (bytes, before) in [(100, 7), (50, 7), (200, 0)] {
            spare.put(vec![7; 100]);
            let whole = spare.take_whole(bytes);
            assert_eq!(whole, vec![before; bytes], "what has room is neither cleared nor made anew");
        }
        spare.put(spare.take(BYTES_KEPT_MAX));
        assert_eq!(spare.take(1).capacity(), BYTES_KEPT_MAX, "one as large as may be kept is kept");
        spare.put(vec![0; BYTES_KEPT_MAX + 1]);
        assert!(spare.take(0).capacity() == 0, "what is large is not kept");
        (0..2 * KEPT_MAX).for_each(|_| spare.put(vec![0; 100]));
        assert_eq!((0..2 * KEPT_MAX).filter(|_| spare.take(0).capacity() > 0).count(), KEPT_MAX);
    }
}
