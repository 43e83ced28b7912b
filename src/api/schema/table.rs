//! The built-in API's types, read once from the committed table into an arena.
//!
//! [`kube_types::TABLE`] describes the format.

use sorted::SortedMap;
use std::sync::OnceLock;

use kube_types::TABLE;

/// What components read from files, in the same format.
const COMPONENTS: &str = include_str!("components.txt");

/// A definition of the built-in API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeId(u32);

/// What a field may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A string; the name is of its Go type where it is not plain `string`, with the package it prints with
    /// (`v1.PullPolicy`).
    String(Option<Named>),
    Int32,
    Int64,
    Float,
    Bool,
    /// Base64 in JSON.
    Bytes,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    /// Any value (an embedded object, `FieldsV1`).
    Any,
    List(Box<Type>),
    Map(Box<Type>),
    Object(TypeId),
    /// A JSON schema, or the other thing a CustomResourceDefinition allows in its place.
    SchemaOr(SchemaOr),
}

/// The alternative to a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOr {
    Bool,
    Schemas,
    Strings,
}

/// A named string type, `core/v1.PullPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    package: &'static str,
    name: &'static str,
}

impl Named {
    /// `v1.PullPolicy`: Go prints the last element of a package's path.
    pub fn go(self) -> String {
        format!("{}.{}", last_element(self.package), self.name)
    }

    /// The values the type is known to have, in order; empty when the type is open or not listed.
    pub fn values(self) -> impl Iterator<Item = &'static str> {
        Table::get().enums.get(&(self.package, self.name)).copied().unwrap_or("").split_whitespace()
    }
}

/// A field of a definition.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub required: bool,
    pub ty: Type,
}

pub(super) struct Definition {
    /// `core/v1`
    package: &'static str,
    name: &'static str,
    fields: Vec<Field>,
}

pub(super) struct Table {
    kinds: SortedMap<(&'static str, &'static str), TypeId>,
    names: SortedMap<(&'static str, &'static str), TypeId>,
    definitions: Vec<Definition>,
    enums: SortedMap<(&'static str, &'static str), &'static str>,
}

impl Table {
    pub(super) fn get() -> &'static Table {
        static READ: OnceLock<Table> = OnceLock::new();
        READ.get_or_init(Table::read)
    }

    /// Two passes: names first, because definitions mention later ones.
    fn read() -> Table {
        let lines = || TABLE.lines().chain(COMPONENTS.lines());
        let mut table = Table {
            kinds: SortedMap::new(),
            names: SortedMap::new(),
            definitions: Vec::new(),
            enums: SortedMap::new(),
        };
        for line in lines() {
            if let Some(name) = line.strip_prefix("D ") {
                let (package, name) = split_name(name);
                let id = TypeId(u32::try_from(table.definitions.len()).unwrap_or(u32::MAX));
                table.names.insert((package, name), id);
                table.definitions.push(Definition { package, name, fields: Vec::new() });
            } else if let Some((name, values)) = line.strip_prefix("E ").and_then(|rest| rest.split_once(' '))
            {
                table.enums.insert(split_name(name), values);
            }
        }
        let mut current = 0;
        let mut fields = Vec::new();
        for line in lines() {
            match line.as_bytes() {
                [b'#', ..] | [b'E', b' ', ..] => {}
                [b'K', b' ', rest @ ..] => table.read_kind(rest),
                [b'D', b' ', ..] => {
                    table.finish(current, &mut fields);
                    current += 1;
                }
                _ => {
                    let Some((name, code)) = line.split_once(' ') else { continue };
                    let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
                    let package = table.definitions.get(current - 1).map_or("", |d| d.package);
                    fields.push(Field { name, required, ty: table.read_type(code, package) });
                }
            }
        }
        table.finish(current, &mut fields);
        table
    }

    /// Gives the fields read so far to the definition they follow; `count` definitions have been seen.
    fn finish(&mut self, count: usize, fields: &mut Vec<Field>) {
        if let Some(definition) = count.checked_sub(1).and_then(|at| self.definitions.get_mut(at)) {
            definition.fields = std::mem::take(fields);
        }
    }

    fn read_kind(&mut self, rest: &'static [u8]) {
        let mut words = std::str::from_utf8(rest).unwrap_or("").split(' ');
        if let (Some(api_version), Some(kind), Some(name)) = (words.next(), words.next(), words.next())
            && let Some(id) = self.names.get(&split_name(name))
        {
            self.kinds.insert((api_version, kind), *id);
        }
    }

    fn read_type(&self, code: &'static str, package: &'static str) -> Type {
        if let Some(item) = code.strip_prefix("[]") {
            return Type::List(Box::new(self.read_type(item, package)));
        }
        if let Some(item) = code.strip_prefix("{}") {
            return Type::Map(Box::new(self.read_type(item, package)));
        }
        let qualify =
            |name: &'static str| if name.contains('.') { split_name(name) } else { (package, name) };
        if let Some(name) = code.strip_prefix('=') {
            let (package, name) = qualify(name);
            return Type::String(Some(Named { package, name }));
        }
        if let Some(name) = code.strip_prefix('@') {
            return self.names.get(&qualify(name)).map_or(Type::Any, |id| Type::Object(*id));
        }
        match code {
            "s" => Type::String(None),
            "i" => Type::Int32,
            "l" => Type::Int64,
            "f" => Type::Float,
            "b" => Type::Bool,
            "y" => Type::Bytes,
            "q" => Type::Quantity,
            "x" => Type::IntOrString,
            "t" => Type::Time,
            "m" => Type::MicroTime,
            "?b" => Type::SchemaOr(SchemaOr::Bool),
            "?a" => Type::SchemaOr(SchemaOr::Schemas),
            "?s" => Type::SchemaOr(SchemaOr::Strings),
            _ => Type::Any,
        }
    }

    pub(super) fn kind(&self, api_version: &str, kind: &str) -> Option<TypeId> {
        // The keys are `'static`, which a lookup by shorter borrows must not demand.
        let kinds: &SortedMap<(&str, &str), TypeId> = &self.kinds;
        kinds.get(&(api_version, kind)).copied()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, &'static str, TypeId)> {
        self.kinds.iter().map(|((api_version, kind), id)| (*api_version, *kind, *id))
    }

    pub(super) fn named(&self, package: &str, name: &str) -> Option<TypeId> {
        let names: &SortedMap<(&str, &str), TypeId> = &self.names;
        names.get(&(package, name)).copied()
    }

    fn definition(&self, id: TypeId) -> Option<&Definition> {
        self.definitions.get(id.0 as usize)
    }
}

impl TypeId {
    /// Fields in order of name.
    pub fn fields(self) -> &'static [Field] {
        Table::get().definition(self).map_or(&[], |definition| &definition.fields)
    }

    pub fn field(self, name: &str) -> Option<&'static Field> {
        let fields = self.fields();
        fields.binary_search_by(|field| field.name.cmp(name)).ok().map(|at| &fields[at])
    }

    /// `PodSpec`.
    pub fn name(self) -> &'static str {
        Table::get().definition(self).map_or("", |definition| definition.name)
    }

    /// `v1.PodSpec`.
    pub fn go(self) -> String {
        let package = Table::get().definition(self).map_or("", |definition| definition.package);
        format!("{}.{}", last_element(package), self.name())
    }
}

impl Type {
    /// The type in Go's words, as decoding errors print it: `[]v1.Container`, `map[string]string`.
    pub fn go(&self) -> String {
        match self {
            Type::String(None) => "string".into(),
            Type::String(Some(named)) => named.go(),
            Type::Int32 => "int32".into(),
            Type::Int64 => "int64".into(),
            Type::Float => "float64".into(),
            Type::Bool => "bool".into(),
            Type::Bytes => "[]uint8".into(),
            Type::Quantity => "resource.Quantity".into(),
            Type::IntOrString => "intstr.IntOrString".into(),
            Type::Time => "v1.Time".into(),
            Type::MicroTime => "v1.MicroTime".into(),
            Type::Any => "interface {}".into(),
            Type::List(item) => format!("[]{}", item.go()),
            // Every map of quantities in the API is of this named type.
            Type::Map(item) if **item == Type::Quantity => "v1.ResourceList".into(),
            Type::Map(item) => format!("map[string]{}", item.go()),
            Type::Object(id) => id.go(),
            Type::SchemaOr(SchemaOr::Bool) => "v1.JSONSchemaPropsOrBool".into(),
            Type::SchemaOr(SchemaOr::Schemas) => "v1.JSONSchemaPropsOrArray".into(),
            Type::SchemaOr(SchemaOr::Strings) => "v1.JSONSchemaPropsOrStringArray".into(),
        }
    }

    /// The type as `kubectl explain` prints it between angle brackets: `[]Container`, `map[string]string`, `integer`.
    pub fn explain(&self) -> String {
        match self {
            Type::String(_) | Type::Bytes => "string".into(),
            Type::Int32 | Type::Int64 => "integer".into(),
            Type::Float => "number".into(),
            Type::Bool => "boolean".into(),
            Type::Quantity => "Quantity".into(),
            Type::IntOrString => "IntOrString".into(),
            Type::Time => "Time".into(),
            Type::MicroTime => "MicroTime".into(),
            Type::Any => "Object".into(),
            Type::List(item) => format!("[]{}", item.explain()),
            Type::Map(item) => format!("map[string]{}", item.explain()),
            Type::Object(id) => id.name().into(),
            Type::SchemaOr(SchemaOr::Bool) => "JSONSchemaPropsOrBool".into(),
            Type::SchemaOr(SchemaOr::Schemas) => "JSONSchemaPropsOrArray".into(),
            Type::SchemaOr(SchemaOr::Strings) => "JSONSchemaPropsOrStringArray".into(),
        }
    }

    /// The definition at the bottom of lists and maps: what a path goes on into.
    pub fn object(&self) -> Option<TypeId> {
        match self {
            Type::Object(id) => Some(*id),
            Type::List(item) | Type::Map(item) => item.object(),
            _ => None,
        }
    }

    /// The values of an enumeration, through lists and maps.
    pub fn values(&self) -> Vec<&'static str> {
        match self {
            Type::String(Some(named)) => named.values().collect(),
            Type::Bool => vec!["false", "true"],
            Type::List(item) | Type::Map(item) => item.values(),
            _ => Vec::new(),
        }
    }
}

/// `core/v1.Pod` to `core/v1` and `Pod`; a package without a group (`types.UID`) stays as it is.
fn split_name(name: &'static str) -> (&'static str, &'static str) {
    name.split_once('.').unwrap_or(("", name))
}

fn last_element(package: &str) -> &str {
    package.rsplit('/').next().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_the_table_mentions_is_defined() {
        let mut names: Vec<&str> = Vec::new();
        let mut package = "";
        let lines = || TABLE.lines().chain(COMPONENTS.lines());
        for line in lines() {
            if let Some(name) = line.strip_prefix("D ") {
                package = split_name(name).0;
            } else if let Some((_, name)) = line.split_once('@') {
                let (package, name) = if name.contains('.') { split_name(name) } else { (package, name) };
                if Table::get().named(package, name).is_none() {
                    names.push(name);
                }
            }
        }
        assert!(names.is_empty(), "{names:?}");
        let table = Table::get();
        assert_eq!(table.kinds().count(), lines().filter(|line| line.starts_with("K ")).count());
        for definition in &table.definitions {
            assert!(definition.fields.is_sorted_by(|a, b| a.name < b.name), "{}", definition.name);
        }
    }

    #[test]
    fn types_print_in_gos_words_and_in_explains() {
        let pod = Table::get().kind("v1", "Pod").unwrap();
        let spec = pod.field("spec").unwrap().ty.object().unwrap();
        let container = spec.field("containers").unwrap();
        assert_eq!(
            (container.ty.go(), container.ty.explain()),
            ("[]v1.Container".into(), "[]Container".into())
        );
        assert!(container.required);
        let container = container.ty.object().unwrap();
        assert_eq!(container.field("imagePullPolicy").unwrap().ty.go(), "v1.PullPolicy");
        assert_eq!(
            container.field("imagePullPolicy").unwrap().ty.values(),
            ["Always", "IfNotPresent", "Never"]
        );
        let meta = pod.field("metadata").unwrap().ty.object().unwrap();
        assert_eq!(meta.field("labels").unwrap().ty.go(), "map[string]string");
        assert_eq!(meta.field("uid").unwrap().ty.go(), "types.UID");
    }
}
