//! Foreign bytes in the midst of what is ours.

/// Puts foreign bytes into ours: the first two say where, the third how many of ours they replace,
/// and the rest are put there. Fewer than three change nothing.
pub(crate) fn splice(ours: &[u8], bytes: &[u8]) -> Vec<u8> {
    let [high, low, replaced, foreign @ ..] = bytes else {
        return ours.to_vec();
    };
    let start = usize::from(u16::from_be_bytes([*high, *low])) % (ours.len() + 1);
    let end = (start + usize::from(*replaced)).min(ours.len());
    [&ours[..start], foreign, &ours[end..]].concat()
}
