//! Reads what a request asks for: JSON of this version, complete, and with nothing in it that is not known.

use bedplate::ModuleName;
use bedplate_admin_client::protocol::{DeploymentRequest, LARGEST_DOCUMENT, Operation, Refusal, VERSION};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The most modules, or objects, of one deployment.
const MOST: usize = 1_000;

/// The longest text of a signature, in bytes; minisign's have some 300.
const LONGEST_SIGNATURE: usize = 4 * 1024;

/// The longest bake time that can be asked for, in milliseconds: a week.
const LONGEST_BAKE: u64 = 7 * 24 * 60 * 60 * 1000;

/// What a deployment is asked to do.
///
/// # Errors
///
/// What is wrong with the document: a syntax error with its line, another version, a field that is not
/// known, a value that can be none.
pub(crate) fn deployment(document: &[u8]) -> Result<DeploymentRequest, Refusal> {
    let request: DeploymentRequest = read(document)?;
    match &request.operation {
        Operation::Install { artifacts } => {
            some(artifacts.len())?;
            for artifact in artifacts {
                if !is_digest(&artifact.digest) {
                    return Err(invalid("a digest has 64 hexadecimal digits, in lower case"));
                }
                if artifact.signature.as_ref().is_some_and(|signature| signature.len() > LONGEST_SIGNATURE) {
                    return Err(invalid("a signature is a text of minisign, and shorter"));
                }
            }
        }
        Operation::Redeploy { modules } | Operation::Uninstall { modules } => {
            some(modules.len())?;
            names(modules)?;
        }
        // No module stands for those of the last deployment.
        Operation::Rollback { modules, to } => {
            names(modules)?;
            if to.as_ref().is_some_and(|digest| !is_digest(digest)) {
                return Err(invalid("a digest has 64 hexadecimal digits, in lower case"));
            }
        }
        Operation::Settings {} => {}
    }
    if request.options.bake_ms.is_some_and(|bake| bake > LONGEST_BAKE) {
        return Err(invalid("`bake_ms` is at most a week"));
    }
    Ok(request)
}

/// A document that says no more than its version.
///
/// # Errors
///
/// As of [`deployment`].
pub(crate) fn plain(document: &[u8]) -> Result<(), Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plain {
        #[serde(rename = "version")]
        _version: u32,
    }
    read::<Plain>(document).map(drop)
}

/// Whether a text can be the SHA-256 of a file.
#[must_use]
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, Refusal> {
    if document.len() > LARGEST_DOCUMENT {
        return Err(too_large());
    }
    let value: Value = serde_json::from_slice(document).map_err(|error| invalid(&format!("it is no JSON: {error}")))?;
    // Before anything else: a document of another version has other fields.
    match value.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(other) => {
            return Err(Refusal::new(
                "unsupported-version",
                format!("the request is of version {other}, and this base speaks version {VERSION}"),
                "use the base's own binary, or a tool of the base's version",
            ));
        }
        None => return Err(invalid("it has no field `version`")),
    }
    serde_json::from_value(value).map_err(|error| invalid(&error.to_string()))
}

/// What is answered to a document that is too large.
pub(crate) fn too_large() -> Refusal {
    let what = format!("the request's document is larger than {LARGEST_DOCUMENT} bytes");
    Refusal::new("document-too-large", what, "deploy fewer modules at once")
}

fn invalid(cause: &str) -> Refusal {
    let what = format!("the request's document cannot be understood: {cause}");
    Refusal::new("invalid-document", what, "use the base's own binary, or a tool of the base's version")
}

fn some(count: usize) -> Result<(), Refusal> {
    match count {
        0 => Err(invalid("it names nothing")),
        1..=MOST => Ok(()),
        _ => Err(invalid(&format!("it names more than {MOST}"))),
    }
}

fn names(modules: &[String]) -> Result<(), Refusal> {
    if modules.len() > MOST {
        return some(modules.len());
    }
    modules
        .iter()
        .try_for_each(|name| ModuleName::new(name.as_str()).map(drop).map_err(|error| invalid(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(document: &str) -> String {
        deployment(document.as_bytes()).map(|_| "ok".to_owned()).unwrap_or_else(|refusal| refusal.code)
    }

    #[test]
    fn what_is_understood_comes_back_as_it_was() {
        let request = DeploymentRequest::new(
            Operation::Redeploy { modules: vec!["comments".to_owned()] },
            bedplate_admin_client::protocol::Options { plan: true, ..Default::default() },
        );
        assert_eq!(deployment(&serde_json::to_vec(&request).unwrap()).unwrap(), request);
        assert_eq!(code(r#"{"version":1,"operation":{"settings":{}}}"#), "ok");
        assert_eq!(code(r#"{"version":1,"operation":{"rollback":{"modules":[]}}}"#), "ok");
    }

    #[test]
    fn another_version_is_told_before_its_fields() {
        assert_eq!(code(r#"{"version":2,"anything":1}"#), "unsupported-version");
        assert_eq!(code(r#"{"operation":{"settings":{}}}"#), "invalid-document");
        assert_eq!(code(r#"{"version":"1"}"#), "invalid-document");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for document in [
            "",
            "[]",
            "1",
            r#"{"version":1}"#,
            r#"{"version":1,"operation":"settings"}"#,
            r#"{"version":1,"operation":{"settings":{}},"more":1}"#,
            r#"{"version":1,"operation":{"settings":{"file":"/etc/passwd"}}}"#,
            r#"{"version":1,"operation":{"install":{"artifacts":[{"digest":"a","path":"/tmp/x.so"}]}}}"#,
            r#"{"version":1,"operation":{"install":{"artifacts":[]}}}"#,
            r#"{"version":1,"operation":{"install":{"artifacts":[{"digest":"../../etc/passwd"}]}}}"#,
            r#"{"version":1,"operation":{"redeploy":{"modules":["../x"]}}}"#,
            r#"{"version":1,"operation":{"redeploy":{"modules":[]}}}"#,
            r#"{"version":1,"operation":{"settings":{}},"options":{"bake_ms":999999999999}}"#,
            r#"{"version":1,"operation":{"settings":{}},"options":{"plan":1}}"#,
        ] {
            assert_eq!(code(document), "invalid-document", "{document}");
        }
    }

    #[test]
    fn a_document_ends_somewhere() {
        assert_eq!(code(&" ".repeat(LARGEST_DOCUMENT + 1)), "document-too-large");
        assert_eq!(code(&"[".repeat(LARGEST_DOCUMENT)), "invalid-document");
        let many = vec!["a"; MOST + 1];
        let document = serde_json::json!({ "version": 1, "operation": { "redeploy": { "modules": many } } });
        assert_eq!(code(&document.to_string()), "invalid-document");
    }
}
