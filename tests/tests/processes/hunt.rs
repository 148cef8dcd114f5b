//! Searches bytes for secrets in every form in which a careless line could print one.

use std::collections::HashMap;

/// Bytes of a form by which it is looked up; every form is longer.
const START: usize = 8;

/// A secret in all its forms.
pub struct Canary {
    name: &'static str,
    forms: Vec<Vec<u8>>,
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The base64 digits that bytes have at an offset in a longer text, whatever stands around them.
fn base64(bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded = [vec![0; offset], bytes.to_vec()].concat();
    let bit = |at: usize| padded.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    // Digits of which every bit is the secret's own.
    let digits = (offset * 8).div_ceil(6)..padded.len() * 8 / 6;
    let value = |digit: usize| (0..6).fold(0, |value, at| value << 1 | usize::from(bit(digit * 6 + at)));
    digits.map(|digit| STANDARD[value(digit)]).collect()
}

impl Canary {
    pub fn of(name: &'static str, raw: &[u8]) -> Self {
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = raw.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let escaped: String = raw.escape_ascii().to_string();
        let texts = [hex.to_uppercase(), hex, list.replace(' ', ""), list, escaped];
        let mut forms: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
        forms.push(raw.to_vec());
        for offset in 0..3 {
            let standard = base64(raw, offset);
            let url = |digit: &u8| match digit {
                b'+' => b'-',
                b'/' => b'_',
                digit => *digit,
            };
            forms.push(standard.iter().map(url).collect());
            forms.push(standard);
        }
        // Half a secret is a leak too.
        let forms = forms.into_iter().map(|form| form[..form.len().div_ceil(2).max(START + 4)].to_vec()).collect();
        Self { name, forms }
    }
}

/// The canaries, and what was found of them.
pub struct Hunt {
    canaries: Vec<Canary>,
    /// Forms by their first bytes: which canary, which form.
    starts: HashMap<[u8; START], Vec<(usize, usize)>>,
    /// Whether some form begins with these two bytes: most places end here.
    firsts: Vec<bool>,
    pub leaks: Vec<String>,
    pub outputs: usize,
    pub bytes: usize,
}

fn two(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

impl Hunt {
    pub fn new(canaries: Vec<Canary>) -> Self {
        let mut starts = HashMap::<[u8; START], Vec<(usize, usize)>>::new();
        for (canary, known) in canaries.iter().enumerate() {
            for (form, bytes) in known.forms.iter().enumerate() {
                starts.entry(*bytes.first_chunk().unwrap()).or_default().push((canary, form));
            }
        }
        let mut firsts = vec![false; 1 << 16];
        starts.keys().for_each(|start| firsts[two(start)] = true);
        Self { canaries, starts, firsts, leaks: Vec::new(), outputs: 0, bytes: 0 }
    }

    pub fn canaries(&self) -> usize {
        self.canaries.len()
    }

    /// The names of the canaries in some bytes.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&'static str> {
        let mut found = Vec::new();
        for (at, start) in bytes.windows(START).enumerate() {
            if !self.firsts[two(start)] {
                continue;
            }
            let start: &[u8; START] = start.try_into().unwrap();
            for (canary, form) in self.starts.get(start).into_iter().flatten() {
                if bytes[at..].starts_with(&self.canaries[*canary].forms[*form]) {
                    found.push(self.canaries[*canary].name);
                }
            }
        }
        found.dedup();
        found
    }

    /// Searches one output.
    pub fn search(&mut self, output: &str, bytes: &[u8]) {
        self.outputs += 1;
        self.bytes += bytes.len();
        for name in self.found_in(bytes) {
            self.leaks.push(format!("{name} in {output}"));
        }
    }
}

#[test]
fn every_form_is_found_wherever_it_stands() {
    let secret: Vec<u8> = (0..40).map(|byte: u8| byte.wrapping_mul(97).wrapping_add(11)).collect();
    let hunt = Hunt::new(vec![Canary::of("it", &secret)]);
    let encoded = |before: usize| {
        let whole = [vec![7; before], secret.clone(), vec![9; 5]].concat();
        let digits: Vec<u8> = base64(&whole, 0);
        digits
    };
    let hex: String = secret.iter().map(|byte| format!("{byte:02X}")).collect();
    let mut outputs = vec![
        secret.clone(),
        format!("{secret:?}").into_bytes(),
        hex.clone().into_bytes(),
        hex.to_lowercase().into_bytes(),
    ];
    outputs.extend((0..6).map(encoded));
    for (number, output) in outputs.iter().enumerate() {
        for before in ["", "x", "level=INFO secret=\""] {
            let text = [before.as_bytes(), output, b"\" and more"].concat();
            assert_eq!(hunt.found_in(&text), ["it"], "output {number}");
        }
    }
    assert!(hunt.found_in(&secret[1..]).is_empty() && hunt.found_in(b"nothing").is_empty());
    assert!(!hunt.found_in(&secret[..25]).is_empty(), "half a secret is a leak");
}
