//! The codec under everything signed: it and the reference must agree on which bytes are canonical, and on what they say.

use driftless_statement::codec;

use crate::reference;

/// Law: the codec accepts exactly what the reference calls canonical, reads it alike, and writes the same bytes again. What
/// the reference reads sloppily becomes canonical by being written.
pub fn cbor(data: &[u8]) {
    let ours = codec::decode(data);
    assert_eq!(ours.as_ref().ok(), reference::strict(data).as_ref(), "{:?}", ours.as_ref().err());
    if let Ok(item) = ours {
        assert_eq!(codec::encode(&item), data);
    }
    if let Some(item) = reference::sloppy(data) {
        let bytes = codec::encode(&item);
        if let Ok(read) = codec::decode(&bytes) {
            assert_eq!(codec::encode(&read), bytes);
        }
    }
}
