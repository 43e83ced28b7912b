//! `-o`: what every verb that prints objects offers besides its own form.

use std::collections::BTreeMap;

use serde_json::Value;

use super::custom_columns::{columns, columns_of_file, custom_columns};
use super::go_template;
use super::json::go_json_indented;
use super::jsonpath::{Template, go_syntax};
use super::kyaml;
use crate::api::manifest::to_yaml;

/// The formats of `get`, in the order in which errors list them.
pub const READ: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,\
                        jsonpath-file,kyaml,name,template,templatefile,wide,yaml";
/// The formats of verbs that write.
pub const WRITE: &str = "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,\
                         yaml";

/// What is to be printed and how.
pub struct Printing<'a> {
    /// The word after `-o`, with what follows `=`.
    pub format: &'a str,
    /// `--template`: the template, where the format does not bring it.
    pub template: Option<&'a str>,
    /// The object, or the list of them.
    pub value: &'a Value,
    /// The objects one by one.
    pub items: &'a [Value],
    /// Whether headings are wanted.
    pub headings: bool,
    /// Whether a template may name fields that are not there.
    pub missing_allowed: bool,
    /// The files that the line may name.
    pub files: &'a BTreeMap<String, String>,
    /// The formats that the verb offers.
    pub allowed: &'static str,
}

impl Printing<'_> {
    /// The text. `name` and `wide` are the verb's own.
    ///
    /// # Errors
    /// In kubectl's words: an unknown format, a template that cannot be read.
    pub fn text(&self) -> Result<String, String> {
        let (format, argument) = match self.format.split_once('=') {
            Some((format, argument)) => (format, Some(argument)),
            None => (self.format, None),
        };
        let unknown = || {
            let (format, allowed) = (self.format, self.allowed);
            format!(
                "unable to match a printer suitable for the output format \"{format}\", allowed formats are: {allowed}"
            )
        };
        if !self.allowed.split(',').any(|allowed| allowed == format) {
            return Err(unknown());
        }
        let argument = argument.or(self.template);
        let template = |what: &str| {
            argument
                .filter(|template| !template.is_empty())
                .map(str::to_string)
                .ok_or_else(|| format!("{what} format specified but no template given"))
        };
        let file = |what: &str| {
            let path =
                argument.ok_or_else(|| format!("{what} format specified but no template file given"))?;
            let text = self.files.get(path);
            text.cloned().ok_or_else(|| {
                let flag = if what == "custom-columns" { "" } else { "--" };
                format!("error reading {flag}template {path}, open {path}: no such file or directory")
            })
        };
        match format {
            "yaml" => Ok(self.yaml()),
            "kyaml" => Ok(kyaml::document(self.value)),
            "json" => Ok(format!("{}\n", go_json_indented(self.value))),
            "jsonpath" => self.jsonpath(&template("template")?),
            "jsonpath-file" => self.jsonpath(&file("template")?),
            "jsonpath-as-json" => self.jsonpath_as_json(&template("template")?),
            "go-template" | "template" => self.go_template(&template("template")?),
            "go-template-file" | "templatefile" => self.go_template(&file("template")?),
            "custom-columns" => {
                custom_columns(&columns(argument.unwrap_or_default())?, self.items, self.headings)
            }
            "custom-columns-file" => {
                custom_columns(&columns_of_file(&file("custom-columns")?)?, self.items, self.headings)
            }
            _ => Err(unknown()),
        }
    }

    fn yaml(&self) -> String {
        to_yaml(self.value)
    }

    fn jsonpath(&self, template: &str) -> Result<String, String> {
        let parsed = self.parsed(template)?;
        parsed.fill(self.value).map_err(|why| self.unfollowed(template, &why))
    }

    fn jsonpath_as_json(&self, template: &str) -> Result<String, String> {
        let parsed = self.parsed(template)?;
        let values = parsed.values(self.value).map_err(|why| self.unfollowed(template, &why))?;
        let found = Value::Array(values.into_iter().cloned().collect());
        Ok(format!("{}\n", go_json_indented(&found)))
    }

    fn parsed(&self, template: &str) -> Result<Template, String> {
        match Template::parse(template) {
            Ok(parsed) => Ok(parsed.allow_missing(self.missing_allowed)),
            Err(why) => Err(format!("error parsing jsonpath {template}, {why}")),
        }
    }

    fn unfollowed(&self, template: &str, why: &str) -> String {
        format!(
            "error executing jsonpath {template:?}: Error executing template: {why}. Printing more information for debugging the template:\n\
             \ttemplate was:\n\t\t{template}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n",
            go_syntax(self.value)
        )
    }

    fn go_template(&self, template: &str) -> Result<String, String> {
        let parsed = go_template::parse(template)
            .map_err(|why| format!("error parsing template {template}, {why}"))?;
        let parsed = parsed.allow_missing(self.missing_allowed);
        parsed.fill(self.value).map_err(|why| format!("error executing template {template:?}: {why}"))
    }
}
