//! From words to an expression. Signs are calls of functions that CEL names `_+_` and the like; the macros (`has`, `all`, `map` …)
//! are expressions of their own.

use super::lexer::{self, Kind as Word, Token};
use super::value::Value;

/// A part of an expression, and where it is said to be: at its operator or bracket, as CEL has it.
#[derive(Clone, Debug)]
pub struct Expr {
    pub at: usize,
    pub kind: Kind,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum Kind {
    Literal(Value),
    Ident(String),
    /// `operand.field`; `operand.?field` is worth nothing where there is none.
    Select {
        operand: Box<Expr>,
        field: String,
        optional: bool,
    },
    /// `has(operand.field)`
    Has {
        operand: Box<Expr>,
        field: String,
    },
    Call {
        name: String,
        target: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    /// Elements, and whether each is left out where it is missing: `[?a]`.
    List(Vec<(bool, Expr)>),
    Map(Vec<(bool, Expr, Expr)>),
    /// `Object.spec{replicas: 3}`: a type's name, and its fields.
    Object(String, Vec<(bool, String, Expr)>),
    /// A macro that goes through a list or the keys of a map.
    Each(Box<Each>),
    /// `cel.bind(name, value, body)`; `optMap` is one with a value that may be missing.
    Bind {
        name: String,
        value: Box<Expr>,
        body: Box<Expr>,
        optional: Option<bool>,
    },
}

/// A macro, the names of its variables, and what it asks of each element.
#[derive(Clone, Debug)]
pub struct Each {
    pub how: How,
    pub range: Expr,
    pub names: Vec<String>,
    pub filter: Option<Expr>,
    pub body: Expr,
}

/// The macros over elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    /// `transformMap`: keys stay, values change.
    MapOfMap,
}

/// What cannot be read: where, and why.
pub type Fault = (usize, String);

const DEPTH_MAX: u32 = 60;
/// How high the tree may grow, which is gone through from its root: `1 + 1 + 1` is a tree of three.
const HEIGHT_MAX: u32 = 250;
/// Words that mean something, and words that the language keeps to itself.
const MEANT: [&str; 4] = ["true", "false", "null", "in"];
const KEPT: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a name cannot be that of a variable.
pub fn is_reserved(name: &str) -> bool {
    MEANT.contains(&name) || KEPT.contains(&name)
}

const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

/// Reads an expression.
///
/// # Errors
/// The first place that does not fit, and why.
pub fn parse(text: &str) -> Result<Expr, Fault> {
    let tokens = lexer::read(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, height: 0 };
    let expr = parser.expr()?;
    match &parser.token().kind {
        Word::End => Ok(expr),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: u32,
    /// Of what has been read last.
    height: u32,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn unexpected(&self) -> Fault {
        let token = self.token();
        let why = match &token.kind {
            Word::End => "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', \
                          'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
                .to_string(),
            Word::Sign(sign) => format!("Syntax error: extraneous input '{sign}' expecting <EOF>"),
            Word::Name(name) => format!("Syntax error: extraneous input '{name}' expecting <EOF>"),
            Word::Least => "invalid int literal".to_string(),
            Word::Literal(_) => "Syntax error: extraneous input expecting <EOF>".to_string(),
        };
        (token.at, why)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token().kind, Word::Sign(found) if found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let Word::Name(name) = self.token().kind.clone() else { return Err(self.unexpected()) };
        self.at += 1;
        Ok(name)
    }

    /// Puts a part above what has been read last and something as high as that.
    fn grow(&mut self, at: usize, other: u32) -> Result<(), Fault> {
        self.height = self.height.max(other) + 1;
        match self.height > HEIGHT_MAX {
            true => Err((at, "expression recursion limit exceeded".into())),
            false => Ok(()),
        }
    }

    /// `a ? b : c`
    fn expr(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err((self.token().at, "expression recursion limit exceeded".into()));
        }
        let condition = self.chain(0)?;
        let at = self.token().at;
        let expr = if self.take("?") {
            let mut height = self.height;
            let yes = self.chain(0)?;
            height = height.max(self.height);
            self.expect(":")?;
            let no = self.expr()?;
            self.grow(at, height)?;
            call(at, "_?_:_", vec![condition, yes, no])
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    /// Operators between two values, the loosest first.
    fn chain(&mut self, level: usize) -> Result<Expr, Fault> {
        const LEVELS: [&[&str]; 5] = [&["||"], &["&&"], &COMPARISONS, &["+", "-"], &["*", "/", "%"]];
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.chain(level + 1)?;
        loop {
            let at = self.token().at;
            let sign = match &self.token().kind {
                Word::Sign(sign) if signs.contains(sign) => format!("_{sign}_"),
                Word::Name(name) if name == "in" && level == 2 => "@in".to_string(),
                _ => return Ok(left),
            };
            self.at += 1;
            let height = self.height;
            let right = self.chain(level + 1)?;
            self.grow(at, height)?;
            left = call(at, &sign, vec![left, right]);
        }
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let at = self.token().at;
        let (mut not, mut minus) = (0, 0);
        while self.take("!") {
            not += 1;
        }
        while not == 0 && self.take("-") {
            minus += 1;
        }
        if minus == 1 && matches!(self.token().kind, Word::Least) {
            self.at += 1;
            self.height = 0;
            return Ok(Expr { at, kind: Kind::Literal(Value::Int(i64::MIN)) });
        }
        let operand = self.member()?;
        self.grow(at, 0)?;
        Ok(match (not % 2, minus % 2) {
            (1, _) => call(at, "!_", vec![operand]),
            (_, 1) => match operand.kind {
                Kind::Literal(Value::Int(number)) => Expr { at, kind: Kind::Literal(Value::Int(-number)) },
                Kind::Literal(Value::Double(number)) => {
                    Expr { at, kind: Kind::Literal(Value::Double(-number)) }
                }
                _ => call(at, "-_", vec![operand]),
            },
            _ => operand,
        })
    }

    fn member(&mut self) -> Result<Expr, Fault> {
        let mut operand = self.primary()?;
        loop {
            let at = self.token().at;
            let height = self.height;
            if self.take(".") {
                let optional = self.take("?");
                let name_at = self.token().at;
                let field = self.name()?;
                let open = self.token().at;
                if !optional && self.take("(") {
                    let args = self.list(")")?;
                    self.grow(at, height)?;
                    operand = method(open, name_at, operand, field, args)?;
                } else {
                    self.grow(at, 0)?;
                    operand = Expr { at, kind: Kind::Select { operand: Box::new(operand), field, optional } };
                }
            } else if self.take("[") {
                let name = if self.take("?") { "_[?_]" } else { "_[_]" };
                let index = self.expr()?;
                self.expect("]")?;
                self.grow(at, height)?;
                operand = call(at, name, vec![operand, index]);
            } else if self.is("{")
                && let Some(name) = operand.qualified()
            {
                self.at += 1;
                let (mut fields, mut height) = (Vec::new(), 0);
                while !self.take("}") {
                    let optional = self.take("?");
                    let field = self.name()?;
                    self.expect(":")?;
                    fields.push((optional, field, self.expr()?));
                    height = height.max(self.height);
                    if !self.take(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                self.height = 0;
                self.grow(at, height)?;
                operand = Expr { at, kind: Kind::Object(name, fields) };
            } else {
                return Ok(operand);
            }
        }
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Expr>, Fault> {
        let (mut items, mut height) = (Vec::new(), 0);
        while !self.take(end) {
            items.push(self.expr()?);
            height = height.max(self.height);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        self.height = height;
        Ok(items)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let token = self.token().clone();
        let at = token.at;
        match token.kind {
            Word::Literal(value) => {
                (self.at, self.height) = (self.at + 1, 0);
                Ok(Expr { at, kind: Kind::Literal(value) })
            }
            Word::Name(name) if name != "in" => {
                self.at += 1;
                let open = self.token().at;
                if self.take("(") {
                    let args = self.list(")")?;
                    self.grow(at, 0)?;
                    return function(open, name, args);
                }
                if KEPT.contains(&name.as_str()) {
                    return Err((at, format!("reserved identifier: {name}")));
                }
                self.height = 0;
                Ok(Expr { at, kind: Kind::Ident(name) })
            }
            Word::Sign("(") => {
                self.at += 1;
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            Word::Sign("[") => {
                self.at += 1;
                let (mut items, mut height) = (Vec::new(), 0);
                while !self.take("]") {
                    let optional = self.take("?");
                    items.push((optional, self.expr()?));
                    height = height.max(self.height);
                    if !self.take(",") {
                        self.expect("]")?;
                        break;
                    }
                }
                self.height = 0;
                self.grow(at, height)?;
                Ok(Expr { at, kind: Kind::List(items) })
            }
            Word::Sign("{") => {
                self.at += 1;
                let (mut entries, mut height) = (Vec::new(), 0);
                while !self.take("}") {
                    let optional = self.take("?");
                    let key = self.expr()?;
                    height = height.max(self.height);
                    self.expect(":")?;
                    entries.push((optional, key, self.expr()?));
                    height = height.max(self.height);
                    if !self.take(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                self.height = 0;
                self.grow(at, height)?;
                Ok(Expr { at, kind: Kind::Map(entries) })
            }
            _ => Err(self.unexpected()),
        }
    }
}

fn call(at: usize, name: &str, args: Vec<Expr>) -> Expr {
    Expr { at, kind: Kind::Call { name: name.to_string(), target: None, args } }
}

/// A function, or `has`.
fn function(at: usize, name: String, mut args: Vec<Expr>) -> Result<Expr, Fault> {
    if name != "has" {
        return Ok(call(at, &name, args));
    }
    match (args.len(), args.pop().map(|arg| arg.kind)) {
        (1, Some(Kind::Select { operand, field, optional: false })) => {
            Ok(Expr { at, kind: Kind::Has { operand, field } })
        }
        _ => Err((at, "invalid argument to has() macro".into())),
    }
}

/// A method, or a macro that looks like one.
fn method(
    at: usize,
    name_at: usize,
    operand: Expr,
    name: String,
    mut args: Vec<Expr>,
) -> Result<Expr, Fault> {
    if let (Kind::Ident(space), "bind", 3) = (&operand.kind, name.as_str(), args.len())
        && space == "cel"
        && let (Some(body), Some(value), Some(variable)) = (args.pop(), args.pop(), args.pop())
    {
        let (name, value, body) = (variable_name(&variable)?, Box::new(value), Box::new(body));
        return Ok(Expr { at, kind: Kind::Bind { name, value, body, optional: None } });
    }
    if let ("optMap" | "optFlatMap", 2) = (name.as_str(), args.len())
        && let (Some(body), Some(variable)) = (args.pop(), args.pop())
    {
        let (of, value, body) = (variable_name(&variable)?, Box::new(operand), Box::new(body));
        return Ok(Expr { at, kind: Kind::Bind { name: of, value, body, optional: Some(name == "optMap") } });
    }
    let how = match (name.as_str(), args.len()) {
        ("all", 2 | 3) => How::All,
        ("exists", 2 | 3) => How::Exists,
        ("exists_one" | "existsOne", 2 | 3) => How::ExistsOne,
        ("filter", 2) => How::Filter,
        ("map", 2 | 3) | ("transformList", 3 | 4) => How::Map,
        ("transformMap", 3 | 4) => How::MapOfMap,
        _ => {
            return Ok(Expr { at, kind: Kind::Call { name, target: Some(Box::new(operand)), args } });
        }
    };
    let Some(body) = args.pop() else { return Err((name_at, "missing body".into())) };
    let filtered = match name.as_str() {
        "map" => args.len() == 2,
        "transformList" | "transformMap" => args.len() == 3,
        _ => false,
    };
    let filter = if filtered { args.pop() } else { None };
    let names = args.iter().map(variable_name).collect::<Result<Vec<String>, Fault>>()?;
    Ok(Expr { at, kind: Kind::Each(Box::new(Each { how, range: operand, names, filter, body })) })
}

fn variable_name(expr: &Expr) -> Result<String, Fault> {
    match &expr.kind {
        Kind::Ident(name) => Ok(name.clone()),
        _ => Err((expr.at, "argument is not an identifier".into())),
    }
}

impl Expr {
    /// The expression as a name with points in it, if it is one.
    pub fn qualified(&self) -> Option<String> {
        match &self.kind {
            Kind::Ident(name) => Some(name.clone()),
            Kind::Select { operand, field, optional: false } => {
                Some(format!("{}.{field}", operand.qualified()?))
            }
            _ => None,
        }
    }

    /// The type of object that the expression makes, or makes a list of, as far as it says so.
    pub fn made(&self) -> Option<&str> {
        match &self.kind {
            Kind::Object(name, _) => Some(name),
            Kind::List(items) => items.iter().find_map(|(_, item)| item.made()),
            Kind::Each(each) if each.how == How::Map => each.body.made(),
            Kind::Call { name, args, .. } if name == "_?_:_" => args.iter().skip(1).find_map(Expr::made),
            _ => None,
        }
    }

    /// Whether the expression uses a name.
    pub fn uses(&self, name: &str) -> bool {
        let any = |exprs: &[&Expr]| exprs.iter().any(|expr| expr.uses(name));
        match &self.kind {
            Kind::Literal(_) => false,
            Kind::Ident(found) => found == name,
            Kind::Select { operand, .. } | Kind::Has { operand, .. } => operand.uses(name),
            Kind::Call { target, args, .. } => {
                target.as_ref().is_some_and(|target| target.uses(name))
                    || args.iter().any(|arg| arg.uses(name))
            }
            Kind::List(items) => items.iter().any(|(_, item)| item.uses(name)),
            Kind::Map(entries) => entries.iter().any(|(_, key, value)| any(&[key, value])),
            Kind::Object(_, fields) => fields.iter().any(|(.., value)| value.uses(name)),
            Kind::Each(each) => {
                any(&[&each.range, &each.body])
                    || each.filter.as_ref().is_some_and(|filter| filter.uses(name))
            }
            Kind::Bind { value, body, .. } => any(&[value, body]),
        }
    }
}
