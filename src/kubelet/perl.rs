//! What a line of Perl prints, for the Job that tutorials begin with: `perl -Mbignum=bpi -wle 'print bpi(2000)'`.

/// Digits that a limb holds, and what it counts up to.
const LIMB_DIGITS: usize = 9;
const LIMB: u64 = 1_000_000_000;
/// More digits than anybody reads.
const DIGITS_MAX: usize = 10_000;

/// What the program of these words prints, if it is a line that says so.
pub fn printed(words: &[String]) -> Option<String> {
    let flag = words
        .iter()
        .position(|word| word.starts_with('-') && !word.starts_with("-M") && word.ends_with('e'))?;
    let what = words.get(flag + 1)?.trim().trim_end_matches(';').strip_prefix("print")?.trim();
    let quoted = what.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = match what.strip_prefix("bpi(").and_then(|rest| rest.strip_suffix(')')) {
        Some(digits) => pi(digits.trim().parse().ok().filter(|digits| (1..=DIGITS_MAX).contains(digits))?),
        None if what.parse::<i64>().is_ok() => what.to_string(),
        None => quoted.filter(|text| !text.contains(['"', '$', '@', '\\']))?.to_string(),
    };
    let newline = if words[flag].contains('l') { "\n" } else { "" };
    Some(text + newline)
}

/// The circle's number to so many digits, rounded (`Math::BigFloat::bpi`), by Machin's sum.
fn pi(digits: usize) -> String {
    // One limb before the point, two beyond what is asked for.
    let limbs = digits / LIMB_DIGITS + 4;
    let mut sum = arctan_of_inverse(5, 16, limbs);
    subtract(&mut sum, &arctan_of_inverse(239, 4, limbs));
    let mut text =
        sum[1..].iter().fold(sum[0].to_string(), |text, limb| format!("{text}{limb:09}")).into_bytes();
    let up = text[digits] >= b'5';
    text.truncate(digits);
    for digit in text.iter_mut().rev().take_while(|_| up) {
        *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
        if *digit != b'0' {
            break;
        }
    }
    let text = String::from_utf8(text).unwrap_or_default();
    if digits == 1 { text } else { format!("{}.{}", &text[..1], &text[1..]) }
}

/// `factor * arctan(1 / x)`, by its series.
fn arctan_of_inverse(x: u64, factor: u64, limbs: usize) -> Vec<u64> {
    let mut power = vec![0; limbs];
    power[0] = factor;
    divide(&mut power, x);
    let (mut sum, mut odd) = (power.clone(), 1);
    while power.iter().any(|limb| *limb != 0) {
        divide(&mut power, x * x);
        odd += 2;
        let mut term = power.clone();
        divide(&mut term, odd);
        if odd % 4 == 3 { subtract(&mut sum, &term) } else { add(&mut sum, &term) }
    }
    sum
}

fn divide(number: &mut [u64], by: u64) {
    let mut rest = 0;
    for limb in number {
        let all = rest * LIMB + *limb;
        (*limb, rest) = (all / by, all % by);
    }
}

fn add(sum: &mut [u64], other: &[u64]) {
    let mut carry = 0;
    for (limb, more) in sum.iter_mut().zip(other).rev() {
        let all = *limb + more + carry;
        (*limb, carry) = (all % LIMB, all / LIMB);
    }
}

fn subtract(sum: &mut [u64], other: &[u64]) {
    let mut borrowed = 0;
    for (limb, less) in sum.iter_mut().zip(other).rev() {
        let all = LIMB + *limb - less - borrowed;
        (*limb, borrowed) = (all % LIMB, u64::from(all < LIMB));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_prints_what_it_says() {
        let cases: [(&[&str], Option<&str>); 7] = [
            (&["perl", "-Mbignum=bpi", "-wle", "print bpi(1)"], Some("3\n")),
            (&["perl", "-Mbignum=bpi", "-wle", "print bpi(5)"], Some("3.1416\n")),
            (&["perl", "-Mbignum=bpi", "-we", "print bpi(21);"], Some("3.14159265358979323846")),
            (&["perl", "-le", "print \"hello there\""], Some("hello there\n")),
            (&["perl", "-wle", "print 1"], Some("1\n")),
            (&["perl", "-wle", "print $x"], None),
            (&["perl", "script.pl"], None),
        ];
        for (words, want) in cases {
            let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
            assert_eq!(printed(&words).as_deref(), want, "{words:?}");
        }
    }

    #[test]
    fn two_thousand_digits_end_as_they_do() {
        let text = pi(2_000);
        assert_eq!((text.len(), &text[992..1_002]), (2_001, "2164201989"));
    }
}
