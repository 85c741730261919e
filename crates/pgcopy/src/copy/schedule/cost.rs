//! How long work takes, as far as sizes tell, in microseconds of one worker. Measured on one core of a busy machine; what
//! comes first depends on proportions only.

/// Of a table's rows, which are a MB in 8 ms, and 2 ms for its beginning and end.
pub(in crate::copy) fn rows(bytes: u64) -> u64 {
    2_000 + bytes / 125
}

/// Of indexes that take so many bytes together: a MB in 20 ms.
pub(super) fn indexes(bytes: u64) -> u64 {
    1_000 + bytes / 50
}

/// Of looking at the rows of two tables with so many bytes together for a foreign key: a MB in 2 ms.
pub(super) fn references(bytes: u64) -> u64 {
    2_000 + bytes / 500
}

/// Of reading every row once: a MB in 0.5 ms.
pub(super) fn reading(bytes: u64) -> u64 {
    200 + bytes / 2_000
}

/// Of statistics, for which only a part of a large table is read.
pub(super) fn statistics(bytes: u64) -> u64 {
    reading(bytes).min(400_000)
}

/// Of setting some sequences and comparing them with their columns.
pub(super) fn sequences(count: usize) -> u64 {
    400 * count as u64
}
