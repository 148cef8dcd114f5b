//! Numbers compared as JSON Schema means it: by what they are worth, exactly, whatever their kind.

use std::cmp::Ordering;

use crate::value::Value;

/// How two values compare as numbers; `None` when one of them is none.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => Some(int_to_float(*left, *right)),
        (Value::Float(left), Value::Int(right)) => Some(int_to_float(*right, *left).reverse()),
        _ => None,
    }
}

/// Integers have 64 bits, and a float of at least this magnitude is beyond all of them.
const BEYOND: f64 = 36_893_488_147_419_103_232.0;

/// Never by turning the integer into a float, which would round it.
fn int_to_float(int: i128, float: f64) -> Ordering {
    if float >= BEYOND {
        return Ordering::Less;
    }
    if float <= -BEYOND {
        return Ordering::Greater;
    }
    let floor = float.floor();
    // Exact: a float below 2^65 without a fraction.
    match int.cmp(&(floor as i128)) {
        Ordering::Equal if float > floor => Ordering::Less,
        order => order,
    }
}

/// Whether a value is a whole number: 1.0 is one.
pub(super) fn is_whole(value: &Value) -> bool {
    match value {
        Value::Int(_) => true,
        Value::Float(float) => float.floor() == *float,
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_what_they_are_worth() {
        let int = |int: i128| Value::Int(int);
        let float = |float: f64| Value::Float(float);
        let max = i128::from(u64::MAX);
        for (left, right, order) in [
            (int(1), float(1.0), Ordering::Equal),
            (int(0), float(-0.0), Ordering::Equal),
            (int(1), float(1.5), Ordering::Less),
            (int(2), float(1.5), Ordering::Greater),
            (int(-1), float(-1.5), Ordering::Greater),
            (int(-2), float(-1.5), Ordering::Less),
            // 2^53 + 1 rounds to 2^53 as a float.
            (int((1 << 53) + 1), float(9_007_199_254_740_992.0), Ordering::Greater),
            (int(max), float(18_446_744_073_709_551_616.0), Ordering::Less),
            (int(i64::MIN.into()), float(-9_223_372_036_854_775_808.0), Ordering::Equal),
            (int(max), float(1e300), Ordering::Less),
            (int(i64::MIN.into()), float(-1e300), Ordering::Greater),
            (float(0.1), float(0.1), Ordering::Equal),
        ] {
            assert_eq!(compare(&left, &right), Some(order), "{left:?} {right:?}");
            assert_eq!(compare(&right, &left), Some(order.reverse()), "{right:?} {left:?}");
        }
        assert_eq!(compare(&int(1), &Value::Text("1".into())), None);
        assert!(is_whole(&float(1e300)) && is_whole(&float(-0.0)) && !is_whole(&float(0.5)));
    }
}
