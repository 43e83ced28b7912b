//! Sentences for people about libyaml's problems, and the place that shows them best.

use super::libyaml::{Mark, Problem};

/// The place to point at and what to say. The words of the reader stay in the sentence, so that people can search
/// for them.
pub(super) fn hint(problem: &Problem, text: &str) -> (Mark, String) {
    let context = problem.context.unwrap_or(problem.at);
    let found = text.get(problem.at.byte..).and_then(|rest| rest.chars().next());
    let (mark, hint) = match problem.words {
        "found character that cannot start any token" => match found {
            Some('\t') => (problem.at, "indentation must be spaces, not tabs".to_string()),
            Some(c) => (problem.at, format!("a value that begins with '{c}' must be put in quotes")),
            None => (problem.at, String::new()),
        },
        "found a tab character that violates indentation"
        | "found a tab character where an indentation space is expected" => {
            (problem.at, "indentation must be spaces, not tabs".into())
        }
        "mapping values are not allowed in this context" => (
            problem.at,
            "a value that contains ': ' must be put in quotes, and a key must line up with the keys beside it".into(),
        ),
        "did not find expected key" => {
            (problem.at, "the indentation of this line fits none of the lines above".into())
        }
        "did not find expected '-' indicator" => (
            problem.at,
            "this line stands where the next '-' of the list was expected; check its indentation".into(),
        ),
        "block sequence entries are not allowed in this context" => {
            (problem.at, "a list must start on the line below its key".into())
        }
        "could not find expected ':'" => (context, "a line must be 'key: value', '- item' or a comment".into()),
        "found unexpected end of stream" => (context, "the quote that opens here is never closed".into()),
        "did not find expected ',' or ']'" => (context, "the '[' that opens here is not closed in order".into()),
        "did not find expected ',' or '}'" => (context, "the '{' that opens here is not closed in order".into()),
        "found unknown escape character" => {
            (problem.at, "in double quotes a backslash must be doubled; single quotes take it as it is".into())
        }
        "did not find expected node content" => (problem.at, "a value is missing here".into()),
        "control characters are not allowed" => (problem.at, "remove the invisible character".into()),
        _ => (problem.at, String::new()),
    };
    let message =
        if hint.is_empty() { problem.words.to_string() } else { format!("{}: {hint}", problem.words) };
    (mark, message)
}
