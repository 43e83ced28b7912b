//! The rules of Kubernetes' own fields of a schema (`x-kubernetes-list-type` and the like).

use super::at::{At, Errors};

/// Kubernetes' own fields of a schema.
pub fn validate(schema: &At, errors: &mut Errors) {
    let (type_, items) = (schema.get("type"), schema.get("items"));
    let (list, map, keys) = (
        schema.get("x-kubernetes-list-type"),
        schema.get("x-kubernetes-map-type"),
        schema.get("x-kubernetes-list-map-keys"),
    );
    let preserve = schema.get("x-kubernetes-preserve-unknown-fields");
    if *preserve.value() == false {
        errors.invalid(&preserve, "must be true or undefined");
    }
    for (at, wanted, name) in [(&map, "object", "map"), (&list, "array", "list")] {
        if at.is_set() && type_.text() != wanted {
            let why = format!("must be {wanted} if x-kubernetes-{name}-type is specified");
            if type_.is_empty() { errors.required(&type_, &why) } else { errors.invalid(&type_, &why) }
        }
    }
    if map.is_set() {
        errors.one_of(&map, &["atomic", "granular"]);
    }
    if list.is_set() {
        errors.one_of(&list, &["atomic", "set", "map"]);
    }
    if list.text() == "set" && type_.text() == "array" {
        let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let (of_list, of_map) = (items.get("x-kubernetes-list-type"), items.get("x-kubernetes-map-type"));
        match items.get("type").text() {
            "array" if of_list.is_set() && of_list.text() != "atomic" => errors.invalid(&of_list, why),
            // The value that is shown is that of the other field.
            "object" if of_map.text() != "atomic" => errors.invalid_as(&of_map, &of_list.shown(), why),
            _ => {}
        }
    }
    if !keys.is_empty() && list.text() != "map" {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        if list.is_set() { errors.invalid(&list, why) } else { errors.required(&list, why) }
    }
    if list.text() == "map" {
        map_keys(&keys, &items, errors);
    }
    if ["set", "map"].contains(&list.text()) && items.get("nullable").is_true() {
        errors.forbidden(
            &items.get("nullable"),
            &format!("cannot be nullable when x-kubernetes-list-type is {}", list.text()),
        );
    }
    if list.text() == "map" {
        keys_are_told(&keys, &items, errors);
    }
}

fn map_keys(keys: &At, items: &At, errors: &mut Errors) {
    if keys.is_empty() {
        errors.required(keys, "must not be empty if x-kubernetes-list-type is map");
    }
    if !items.is_set() {
        return errors.required(items, "must have a schema if x-kubernetes-list-type is map");
    }
    if items.get("type").text() != "object" {
        let why = "must be object if parent array's x-kubernetes-list-type is map";
        return errors.invalid_as(&items.get("type"), &format!("{:?}", items.get("type").text()), why);
    }
    let properties = items.get("properties");
    for (index, key) in keys.texts().enumerate() {
        let field = properties.key(key);
        if !field.is_set() {
            errors.invalid(keys, "entries must all be names of item properties");
        } else if ["array", "object"].contains(&field.get("type").text()) {
            let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            errors.invalid_as(&field.get("type"), "\"object\"", why);
        }
        if keys.texts().take(index).any(|earlier| earlier == key) {
            errors.invalid(keys, "must not contain duplicate entries");
        }
    }
}

/// Every item of a list that is a map has its keys.
fn keys_are_told(keys: &At, items: &At, errors: &mut Errors) {
    let properties = items.get("properties");
    for key in keys.texts().filter(|key| properties.key(key).is_set()) {
        let field = properties.key(key);
        if !items.get("required").texts().any(|required| required == key) && !field.get("default").is_set() {
            let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.required(&field.get("default"), why);
        }
        if field.get("nullable").is_true() {
            let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.forbidden(&field.get("nullable"), why);
        }
    }
}
