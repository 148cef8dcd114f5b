//! Laws of values: JSON text and CBOR give back what was put in.

use proptest::prelude::*;

use super::cases;
use super::strategies::{float, value};
use crate::codec::{self, Item};
use crate::json;
use crate::value::Value;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn json_text_gives_the_value_back(value in value()) {
        prop_assert_eq!(&json::parse(json::to_string(&value).as_bytes()).unwrap(), &value);
        prop_assert_eq!(&json::parse(json::to_pretty(&value).as_bytes()).unwrap(), &value);
        prop_assert_eq!(&Value::try_from(&serde_json::Value::from(&value)).unwrap(), &value);
        prop_assert_eq!(&json::read::<Value>(json::to_string(&value).as_bytes()).unwrap(), &value);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<Vec<u8>>(), json in r#"[\[\]{}",:0-9eE.\\+\-a-n ]{0,40}"#) {
        let _ = json::parse(&text);
        if let Ok(value) = json::parse(json.as_bytes()) {
            prop_assert!(value.check().is_ok());
            prop_assert_eq!(json::parse(json::to_string(&value).as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn cbor_gives_the_value_back_and_its_length_is_known(value in value()) {
        let bytes = codec::encode(&value.to_item());
        prop_assert_eq!(bytes.len(), value.encoded_len());
        prop_assert_eq!(Value::from_item(&codec::decode(&bytes).unwrap()).unwrap(), value);
    }

    #[test]
    fn a_float_takes_the_shortest_width_that_keeps_it(value in float()) {
        let bytes = codec::encode(&Item::Float(value));
        prop_assert_eq!(codec::decode(&bytes).unwrap(), Item::Float(value));
        let single = value as f32;
        let half = half::f16::from_f64(value);
        let want = if half.to_f64().to_bits() == value.to_bits() { 3 }
            else if f64::from(single).to_bits() == value.to_bits() { 5 } else { 9 };
        prop_assert_eq!(bytes.len(), want);
    }
}
