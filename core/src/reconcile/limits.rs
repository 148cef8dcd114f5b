//! Every bound of reconciliation, each with its reason. None decides validity: at a bound a session ends and says so.

/// Symbols a sketch keeps from the start (8 KiB a scope): enough for about 350 differences without a pass over the set.
pub const SKETCH_INITIAL: usize = 512;
/// Symbols a sketch may grow to (256 KiB a scope, only after somebody needed them): enough for about 11,900
/// differences. Beyond, listing ranges is simpler and not much dearer.
pub const SKETCH_SYMBOLS: usize = 16_384;
/// Symbols in one answer: 64 KiB.
pub const ANSWER_SYMBOLS: usize = 4_096;
/// Counters of the estimator: one byte each, a relative error of √(2/128) = 12.5 %.
pub const ESTIMATE_COUNTERS: usize = 128;
/// Ids of one range that are listed rather than split: 32 KiB.
pub const RANGE_LEAF: usize = 1_024;
/// Ids in one page when a listing was asked for: 256 KiB, a quarter of a message.
pub const RANGE_PAGE: usize = 8_192;
/// Parts into which a longer range is split; an answer stays near 1 KiB, a million ids are three levels deep.
pub const RANGE_PARTS: usize = 16;
/// Ids in one request for statements.
pub const BATCH_IDS: usize = 256;
/// Statement bytes in one message: two of the largest, half a message.
pub const BATCH_BYTES: usize = 512 * 1024;
/// Ranges that a session may have open. Depth first, so `RANGE_PARTS` a level: 1,024 is 64 levels.
pub const OPEN_RANGES: usize = 1_024;
/// Names wanted, and statements to be pushed, that a session keeps, of each the earliest: about 3 MiB of each.
pub const DIFFERENCE: usize = 65_536;
/// Round trips of one session, before it ends as partial and the next begins: those that look, and enough to pull and to
/// push what it keeps.
pub const SESSION_ROUNDS: usize = SESSION_RANGES + 2 * DIFFERENCE / BATCH_IDS;
/// Round trips after which a session looks at no more ranges. A million ids with differences everywhere take about 550.
pub const SESSION_RANGES: usize = 1_024;
/// Bytes a session reads before it ends as partial: about 128 full messages.
pub const SESSION_BYTES: usize = 128 * 1024 * 1024;
/// Answers with symbols that a session takes before it lists ranges: four make the longest prefix, and the peer's set may
/// change under some.
pub const SYMBOL_ROUNDS: usize = 12;
/// Short names in one question for times: a quarter of a message.
pub const TIMES_SHORTS: usize = 16_384;
/// Ids that an outcome names as asked for and not come; the rest is only counted.
pub const OUTCOME_IDS: usize = 1_024;
