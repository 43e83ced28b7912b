//! Values as Go's `fmt` writes them (`%v`).

use serde_json::Value;

/// `[a b]`, `map[k:v]`, `<nil>`; text bare.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", go_value(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Number(number) => {
            number.as_i64().map_or_else(|| go_float(&number.to_string()), |n| n.to_string())
        }
        Value::Bool(on) => on.to_string(),
    }
}

/// A number that is no integer, as `%g` writes it: with an exponent where it is small or large. `text`: the fewest digits that
/// tell it from others, as JSON has them.
fn go_float(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{part}");
    let digits = all.trim_start_matches('0');
    // The number is 0.DIGITS times ten to the power of `point`.
    let point = whole.len() as i32 + exponent.parse::<i32>().unwrap_or(0) - (all.len() - digits.len()) as i32;
    let digits = digits.trim_end_matches('0');
    let power = point - 1;
    match digits.split_at_checked(1) {
        None => format!("{sign}0"),
        Some((first, rest)) if !(-4..6).contains(&power) => {
            let dot = if rest.is_empty() { "" } else { "." };
            let minus = if power < 0 { '-' } else { '+' };
            format!("{sign}{first}{dot}{rest}e{minus}{:02}", power.abs())
        }
        _ if point <= 0 => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        _ => match digits.split_at_checked(point as usize) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, part)) => format!("{sign}{whole}.{part}"),
            None => format!("{sign}{digits}{}", "0".repeat(point as usize - digits.len())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let cases = [
            (json!({"b": [1, true], "a": {"k": null}}), "map[a:map[k:<nil>] b:[1 true]]"),
            (json!([]), "[]"),
            (json!({}), "map[]"),
            (json!("a b"), "a b"),
            (json!(-7), "-7"),
            (json!(0.5), "0.5"),
            (json!(1_500_000.5), "1.5000005e+06"),
            (json!(0.000_012), "1.2e-05"),
            (json!(0.000_12), "0.00012"),
            (json!(-2.0), "-2"),
            (json!(120_000.0), "120000"),
            (json!(-3.25e20), "-3.25e+20"),
            (json!(0.0), "0"),
        ];
        for (value, want) in cases {
            assert_eq!(go_value(&value), want, "{value}");
        }
    }
}
