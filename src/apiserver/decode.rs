//! From the JSON of a request to an object, with the check of its fields that the request asks for.

use serde_json::Value;

use super::{ApiServer, extensions, validation};
use crate::api::{Kind, MetaExt, Object, Status, schema};

/// What becomes of fields that do not exist (`metav1.FieldValidation*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are refused.
    Strict,
    /// They are warned of and dropped.
    Warn,
    /// They are dropped.
    Ignore,
}

impl ApiServer {
    /// The object that a request's JSON stands for; what is only to be warned of is added to `warnings`.
    ///
    /// # Errors
    /// `BadRequest`, of the first field of a wrong type or of all that do not exist; `Invalid` for an event.
    pub fn decode(
        &self,
        kind: Kind,
        value: &Value,
        check: FieldValidation,
        warnings: &mut Vec<String>,
    ) -> Result<Object, Status> {
        let api_version = value["apiVersion"].as_str().unwrap_or_default();
        if let Some(type_) = schema::kind(api_version, kind.name()) {
            let checked = match check {
                FieldValidation::Strict => schema::strict_decode(type_, value),
                FieldValidation::Warn | FieldValidation::Ignore => schema::decode(type_, value),
            };
            checked.map_err(|error| Status::bad_request(error.status_message(api_version, kind.name())))?;
            if check == FieldValidation::Warn {
                let found = schema::inspect(type_, value).into_iter();
                let unknown = found.filter(|found| found.kind == schema::FindingKind::UnknownField);
                warnings.extend(unknown.map(|found| found.message));
            }
        }
        warnings.extend(extensions::objects::warning(self.view(), kind, api_version));
        if kind.is_custom() && check != FieldValidation::Ignore {
            let unknown = extensions::objects::unknown_fields(self.view(), kind, value);
            match check {
                FieldValidation::Strict if !unknown.is_empty() => {
                    let version = api_version.rsplit('/').next().unwrap_or_default();
                    return Err(Status::bad_request(format!(
                        "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
                        unknown.join(", ")
                    )));
                }
                _ => warnings.extend(unknown),
            }
        }
        let object = Object::from_value(kind, value.clone());
        let object = object.map_err(|error| Status::bad_request(error.to_string()))?;
        if kind == Kind::EVENT {
            let errors = validation::event::validate(&object, api_version);
            if !errors.is_empty() {
                return Err(Status::invalid(kind, object.name(), errors));
            }
        }
        Ok(object)
    }
}
