//! Refusals on the wire: the one mapping from the table of codes to gRPC statuses, and back.

use prost::Message;
use selfsame_protocol::code::{Class, Code, Refusal};
use std::collections::BTreeMap;
use std::time::Duration;
use tonic_types::StatusExt;

/// Domain of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "selfsame";
/// Pause that a retryable refusal asks for.
const RETRY: Duration = Duration::from_millis(100);

/// The gRPC status of a class.
pub(crate) const fn grpc_code(class: Class) -> tonic::Code {
    match class {
        Class::Invalid => tonic::Code::InvalidArgument,
        Class::NotFound => tonic::Code::NotFound,
        Class::Exists => tonic::Code::AlreadyExists,
        Class::Precondition => tonic::Code::FailedPrecondition,
        Class::Denied => tonic::Code::PermissionDenied,
        Class::DataLoss => tonic::Code::DataLoss,
        Class::Unavailable => tonic::Code::Unavailable,
        Class::Exhausted => tonic::Code::ResourceExhausted,
    }
}

/// The status of a refusal: reason, rule and both values as `ErrorInfo`, `RetryInfo` when a retry can help.
pub fn to_status(refusal: &Refusal) -> tonic::Status {
    let members = [("rule", &refusal.rule), ("expected", &refusal.expected), ("found", &refusal.found)];
    let info = Info {
        reason: refusal.code.as_str().into(),
        domain: DOMAIN.into(),
        metadata: members.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
    };
    let any = |name: &str, value: Vec<u8>| prost_types::Any { type_url: format!("type.googleapis.com/{name}"), value };
    let mut details = vec![any("google.rpc.ErrorInfo", info.encode_to_vec())];
    if refusal.code.retryable() {
        let delay = prost_types::Duration { seconds: 0, nanos: RETRY.subsec_nanos().cast_signed() };
        let retry = tonic_types::pb::RetryInfo { retry_delay: Some(delay) };
        details.push(any("google.rpc.RetryInfo", retry.encode_to_vec()));
    }
    let (code, message) = (grpc_code(refusal.code.class()), refusal.to_string());
    let status = tonic_types::Status { code: code as i32, message: message.clone(), details };
    tonic::Status::with_details(code, message, status.encode_to_vec().into())
}

/// `google.rpc.ErrorInfo` with its members in order: the generated one writes them in the order of a hash map, which is
/// another in every process.
#[derive(Clone, PartialEq, prost::Message)]
struct Info {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

/// The refusal inside a status, if the other side sent one.
pub fn from_status(status: &tonic::Status) -> Option<Refusal> {
    let details = status.get_error_details();
    let info = details.error_info()?;
    let code = Code::from_name(&info.reason).filter(|_| info.domain == DOMAIN)?;
    let member = |name: &str| info.metadata.get(name).cloned().unwrap_or_default();
    Some(Refusal { code, rule: member("rule"), expected: member("expected"), found: member("found") })
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: X-05
    #[test]
    fn every_code_survives_the_wire() {
        for code in Code::ALL {
            let refusal = Refusal::new(code, "a rule", "one thing", "another");
            let status = to_status(&refusal);
            assert_eq!(status.get_details_retry_info().is_some(), code.retryable());
            assert_eq!(from_status(&status), Some(refusal));
        }
    }
}
