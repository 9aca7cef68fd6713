//! What may not stand in settings that are kept: keys of somebody, and places outside of the request.
//!
//! Settings are kept exactly, and a provider reads more in them than our tables name. Schemas, arguments and texts are data of
//! the user and are not looked into: a property of a tool may be called `api_key`.

use super::reader::step;
use serde_json::Value;

/// Members below which everything is the user's data.
const DATA: &[&str] = &[
    "parameters",
    "inputschema",
    "schema",
    "jsonschema",
    "parametersjsonschema",
    "responseschema",
    "responsejsonschema",
    "guidedjson",
    "guidedchoice",
    "structuredoutputs",
    "structuraltag",
    "format",
    "outputformat",
    "responseformat",
    "properties",
    "inputexamples",
    "documents",
    "arguments",
    "args",
    "input",
    "response",
    "promptvariables",
    "value",
    "text",
    "description",
    "logitbias",
    "results",
    "outputs",
    "summary",
    "output",
];
/// Members that hold a key, a token or headers.
const SECRETS: &[&str] = &[
    "apikey",
    "apikeystring",
    "apikeyconfig",
    "authorization",
    "authorizationtoken",
    "authtoken",
    "accesstoken",
    "bearertoken",
    "password",
    "secret",
    "clientsecret",
    "secretkey",
    "privatekey",
    "domainsecrets",
    "headers",
    "extraheaders",
    "credentials",
    "awssecretaccesskey",
    "awssessiontoken",
];
/// Members that name something outside.
const OUTSIDE: &[&str] =
    &["serverurl", "connectorid", "s3location", "fileuri", "fileid", "fileids", "vectorstoreids", "containerid"];

/// What is found in settings.
pub enum FoundSetting {
    /// A secret.
    Secret(String),
    /// State outside.
    Outside(String),
}

/// A name without case and separators: `api_key`, `apiKey` and `API-Key` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Number(_) => true,
    }
}

/// Whether the value of a member of this name is the user's data.
pub fn is_data(name: &str) -> bool {
    DATA.contains(&plain(name).as_str())
}

/// The first secret or place outside in settings, with its pointer.
pub fn find(value: &Value, at: &str) -> Option<FoundSetting> {
    match value {
        Value::Object(members) => members.iter().find_map(|(name, inner)| {
            let (place, name) = (step(at, name), plain(name));
            let name = name.as_str();
            if says_something(inner) && SECRETS.contains(&name) {
                return Some(FoundSetting::Secret(place));
            }
            if says_something(inner) && OUTSIDE.contains(&name) {
                return Some(FoundSetting::Outside(place));
            }
            if DATA.contains(&name) { None } else { find(inner, &place) }
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| find(item, &format!("{at}/{index}"))),
        Value::String(text) if text.contains("@preset/") => Some(FoundSetting::Outside(at.into())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_looked_into_and_data_is_not() {
        let found = |value: Value| match find(&value, "") {
            Some(FoundSetting::Secret(place)) => format!("secret {place}"),
            Some(FoundSetting::Outside(place)) => format!("outside {place}"),
            None => "nothing".into(),
        };
        assert_eq!(found(json!([{"model": "m", "api_key": "NOT-A-REAL-KEY"}])), "secret /0/api_key");
        assert_eq!(
            found(json!({"authConfig": {"apiKeyConfig": {"apiKeyString": "x"}}})),
            "secret /authConfig/apiKeyConfig"
        );
        assert_eq!(found(json!({"domain_secrets": [{"value": "x"}]})), "secret /domain_secrets");
        assert_eq!(found(json!([{"type": "mcp", "server_url": "https://a"}])), "outside /0/server_url");
        assert_eq!(found(json!({"a": {"s3Location": {"uri": "s3://b"}}})), "outside /a/s3Location");
        assert_eq!(found(json!(["@preset/x"])), "outside /0");
        for data in [
            json!({"parameters": {"properties": {"api_key": {"type": "string"}, "headers": {"type": "object"}}}}),
            json!({"input_schema": {"properties": {"file_id": {"type": "string"}}}}),
            json!({"api_key": null, "headers": {}, "file_ids": []}),
            json!({"mode": "auto", "token_limit": 5, "authorization": ""}),
        ] {
            assert_eq!(found(data.clone()), "nothing", "{data}");
        }
    }
}
