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
        Value::Number(number) => number.as_i64().map_or_else(|| go_float(number.as_f64()), |n| n.to_string()),
        Value::Bool(on) => on.to_string(),
    }
}

/// A float with as many digits as it takes to tell it from others, and with an exponent where it is small or large (`%g`).
fn go_float(number: Option<f64>) -> String {
    let Some(number) = number else { return String::new() };
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
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
        ];
        for (value, want) in cases {
            assert_eq!(go_value(&value), want, "{value}");
        }
    }
}
