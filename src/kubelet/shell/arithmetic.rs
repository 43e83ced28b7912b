//! What stands in `$(( ))`: whole numbers and variables with the operators of C, the strongest of them bound first.

use std::collections::BTreeMap;

/// Operators between two values, the weakest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// Parentheses within parentheses, and signs before signs.
const DEPTH_MAX: u32 = 64;

/// The value of an expression; `None` for what is none.
pub fn value(text: &str, variables: &BTreeMap<String, String>) -> Option<i64> {
    let mut reader = Reader { rest: text, variables, depth: 0 };
    let value = reader.choice()?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    variables: &'a BTreeMap<String, String>,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn eat(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// `a ? b : c`.
    fn choice(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut value = self.level(0)?;
        if self.eat("?") {
            let yes = self.choice()?;
            let no = if self.eat(":") { self.choice()? } else { return None };
            value = if value != 0 { yes } else { no };
        }
        self.depth -= 1;
        Some(value)
    }

    /// The operator of a level that comes next.
    fn operator(&mut self, level: usize) -> Option<&'static str> {
        self.rest = self.rest.trim_start();
        let starts = |sign: &&&'static str| self.rest.starts_with(**sign);
        let found = LEVELS[level].iter().find(starts)?;
        // A sign that is the beginning of a longer one, which belongs elsewhere: `*` of `**`, `|` of `||`, `<` of `<<`.
        let longer = LEVELS
            .iter()
            .flat_map(|signs| signs.iter())
            .chain(&["**"])
            .any(|sign| sign.len() > found.len() && self.rest.starts_with(sign));
        if longer {
            return None;
        }
        self.rest = &self.rest[found.len()..];
        Some(found)
    }

    fn level(&mut self, level: usize) -> Option<i64> {
        if level == LEVELS.len() {
            return self.power();
        }
        let mut a = self.level(level + 1)?;
        while let Some(sign) = self.operator(level) {
            let b = self.level(level + 1)?;
            let shift = || u32::try_from(b).ok();
            a = match sign {
                "||" => i64::from(a != 0 || b != 0),
                "&&" => i64::from(a != 0 && b != 0),
                "|" => a | b,
                "^" => a ^ b,
                "&" => a & b,
                "==" => i64::from(a == b),
                "!=" => i64::from(a != b),
                "<=" => i64::from(a <= b),
                ">=" => i64::from(a >= b),
                "<" => i64::from(a < b),
                ">" => i64::from(a > b),
                "<<" => a.checked_shl(shift()?)?,
                ">>" => a.checked_shr(shift()?)?,
                "+" => a.checked_add(b)?,
                "-" => a.checked_sub(b)?,
                "*" => a.checked_mul(b)?,
                "/" => a.checked_div(b)?,
                _ => a.checked_rem(b)?,
            };
        }
        Some(a)
    }

    fn power(&mut self) -> Option<i64> {
        let base = self.single()?;
        if !self.eat("**") {
            return Some(base);
        }
        let exponent = self.deeper(Self::power)?;
        base.checked_pow(u32::try_from(exponent).ok()?)
    }

    /// Reads what stands within something else of its kind.
    fn deeper(&mut self, read: fn(&mut Self) -> Option<i64>) -> Option<i64> {
        self.depth += 1;
        let value = if self.depth > DEPTH_MAX { None } else { read(self) };
        self.depth -= 1;
        value
    }

    fn single(&mut self) -> Option<i64> {
        for (sign, apply) in [
            ("-", i64::checked_neg as fn(i64) -> Option<i64>),
            ("+", |value| Some(value)),
            ("!", |value| Some(i64::from(value == 0))),
            ("~", |value| Some(!value)),
        ] {
            if self.eat(sign) {
                return apply(self.deeper(Self::single)?);
            }
        }
        if self.eat("(") {
            let value = self.choice()?;
            return self.eat(")").then_some(value);
        }
        let braced = self.eat("${");
        let named = braced || self.eat("$");
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || (braced && "[]".contains(c));
        let end = self.rest.find(|c| !letter(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() || (braced && !self.eat("}")) {
            return None;
        }
        match word.strip_prefix("0x").map(|digits| i64::from_str_radix(digits, 16)) {
            Some(number) => number.ok(),
            None if !named && word.starts_with(|c: char| c.is_ascii_digit()) => word.parse().ok(),
            None => match self.variables.get(word).map(|value| value.trim()) {
                None | Some("") => Some(0),
                Some(value) => value.parse().ok(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_the_values_that_c_gives_them() {
        let variables: BTreeMap<String, String> =
            [("i".to_string(), "3".to_string()), ("none".to_string(), String::new())].into();
        let cases = [
            ("100 + $i", Some(103)),
            ("$i-1", Some(2)),
            ("i * (2 + 4) / 4 % 3", Some(1)),
            ("2 ** 3 ** 2", Some(512)),
            ("-i + 1", Some(-2)),
            ("i > 2 && i < 4", Some(1)),
            ("i == 3 ? 10 : 20", Some(10)),
            ("1 << 4 | 1", Some(17)),
            ("${i} + none + other", Some(3)),
            ("0x10", Some(16)),
            ("1 / 0", None),
            ("1 +", None),
            ("a b", None),
        ];
        for (text, want) in cases {
            assert_eq!(value(text, &variables), want, "{text}");
        }
        for deep in ["!".repeat(100_000), "2**".repeat(100_000), "- ".repeat(100_000), "(".repeat(100_000)] {
            assert_eq!(value(&(deep + "1"), &variables), None);
        }
        assert_eq!(value(&("!".repeat(40) + "1"), &variables), Some(1));
    }
}
