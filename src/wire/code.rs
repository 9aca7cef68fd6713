//! Refusals on the wire: the one mapping from the table of codes to gRPC statuses, and back.

use selfsame_protocol::code::{Class, Code, Refusal};
use std::collections::HashMap;
use std::time::Duration;
use tonic_types::{ErrorDetails, StatusExt};

/// Domain of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "selfsame";
/// Pause that a retryable refusal asks for.
const RETRY: Duration = Duration::from_millis(100);

/// The gRPC status of a class.
pub const fn grpc_code(class: Class) -> tonic::Code {
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
    let metadata = HashMap::from([
        ("rule".to_string(), refusal.rule.clone()),
        ("expected".to_string(), refusal.expected.clone()),
        ("found".to_string(), refusal.found.clone()),
    ]);
    let mut details = ErrorDetails::with_error_info(refusal.code.as_str(), DOMAIN, metadata);
    if refusal.code.retryable() {
        details.set_retry_info(Some(RETRY));
    }
    tonic::Status::with_error_details(grpc_code(refusal.code.class()), refusal.to_string(), details)
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
            let refusal = Refusal::new(*code, "a rule", "one thing", "another");
            assert_eq!(from_status(&to_status(&refusal)), Some(refusal));
        }
    }
}
