//! CEL, the language of rules in schemas and of admission policies: read ([`parse`]), checked ([`check`]) and evaluated ([`eval`])
//! with the functions that Kubernetes has ([`functions`]).
//!
//! Models `cel-go` with the environment of `k8s.io/apiserver/pkg/cel/environment`. What an expression may cost is bounded by a count of
//! steps rather than by an estimate.

mod check;
mod eval;
mod functions;
mod lexer;
mod lists;
mod net;
mod parse;
mod request;
mod semver;
#[cfg(test)]
mod tests;
mod texts;
mod time;
mod types;
mod value;

pub use parse::is_reserved;
pub use request::{namespace_type, request_type};
pub use types::{OBJECTS, Type, of_schema, value as of_json};
pub use value::Value;

/// An expression that has been read and checked.
pub struct Program {
    expr: parse::Expr,
}

impl Program {
    /// Reads and checks an expression that may use these names, and must be of the wanted type. What may be anything is not.
    ///
    /// # Errors
    /// All that is wrong with it, as the server writes it.
    pub fn compile(text: &str, declared: &[(&str, Type)], wanted: (&Type, &str)) -> Result<Program, String> {
        let (program, found) = Program::typed(text, declared)?;
        let fits = found != Type::Dyn && check::compatible(&found, wanted.0);
        if fits { Ok(program) } else { Err(wanted.1.into()) }
    }

    /// Reads and checks an expression that may use these names, and says its type.
    ///
    /// # Errors
    /// All that is wrong with it, as the server writes it.
    pub fn typed<'s>(text: &str, declared: &[(&str, Type<'s>)]) -> Result<(Program, Type<'s>), String> {
        let expr = parse::parse(text).map_err(|fault| report(text, &[fault]))?;
        let (found, faults) = check::check(&expr, declared);
        if faults.is_empty() { Ok((Program { expr }, found)) } else { Err(report(text, &faults)) }
    }

    /// Whether the expression uses a name.
    pub fn uses(&self, name: &str) -> bool {
        self.expr.uses(name)
    }

    /// What the expression is worth.
    ///
    /// # Errors
    /// Why it has no value.
    pub fn evaluate(&self, names: &[(&str, Value)]) -> Result<Value, String> {
        eval::evaluate(&self.expr, names)
    }
}

/// What is wrong, with the lines and a mark under each place.
fn report(text: &str, faults: &[parse::Fault]) -> String {
    let one = |(at, why): &parse::Fault| {
        let before: String = text.chars().take(*at).collect();
        let line = before.matches('\n').count();
        let column = before.chars().rev().take_while(|letter| *letter != '\n').count();
        let shown = text.lines().nth(line).unwrap_or_default();
        format!("ERROR: <input>:{}:{}: {why}\n | {shown}\n | {}^", line + 1, column + 1, ".".repeat(column))
    };
    format!("compilation failed: {}", faults.iter().map(one).collect::<Vec<_>>().join("\n"))
}
