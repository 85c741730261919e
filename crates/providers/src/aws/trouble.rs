//! What AWS says when it does not do what was asked.

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use restage_core::{Code, Error};
use std::error::Error as StdError;

/// Who asks is unknown, or no longer known.
const UNKNOWN_CALLER: [&str; 10] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
/// Who asks may not do that.
const FORBIDDEN: [&str; 6] =
    ["AccessDenied", "AccessDeniedException", "InvalidSecurity", "KmsAccessDenied", "NotAuthorized", "UnauthorizedOperation"];
/// What is asked for is not there.
const MISSING: [&str; 3] = ["NonExistentQueue", "ParameterNotFound", "QueueDoesNotExist"];
/// AWS is busy, or not well.
const BUSY: [&str; 8] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "OverLimit",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
];

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No answer, or none yet: it may pass.
    Unreachable,
    /// AWS does not know who asks.
    UnknownCaller,
    /// Who asks may not do that.
    Forbidden,
    /// What is asked for is not there.
    Missing,
    /// Anything else.
    Other,
}

/// A request that failed: the kind, and AWS's words for it.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    said: String,
}

impl Trouble {
    pub(crate) fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error {
            SdkError::ServiceError(refused) => Self::told(refused.err().code(), refused.err().message()),
            SdkError::DispatchFailure(failure) if !(failure.is_io() || failure.is_timeout()) => {
                Self { kind: Kind::UnknownCaller, said: chain(error) }
            }
            SdkError::ConstructionFailure(_) => Self { kind: Kind::UnknownCaller, said: chain(error) },
            _ => Self { kind: Kind::Unreachable, said: chain(error) },
        }
    }

    fn told(code: Option<&str>, message: Option<&str>) -> Self {
        let code = code.unwrap_or("an error without a code");
        // `AWS.SimpleQueueService.NonExistentQueue` and `KMS.AccessDeniedException` have where they come from before them.
        let word = code.rsplit('.').next().unwrap_or(code);
        let among = |words: &[&str]| words.contains(&word);
        let kind = if among(&UNKNOWN_CALLER) {
            Kind::UnknownCaller
        } else if among(&FORBIDDEN) {
            Kind::Forbidden
        } else if among(&MISSING) {
            Kind::Missing
        } else if among(&BUSY) {
            Kind::Unreachable
        } else {
            Kind::Other
        };
        // What does not fit a signature is quoted by AWS, with the session's token in it.
        let message = message.filter(|_| kind != Kind::UnknownCaller);
        let said = message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
        Self { kind, said }
    }

    /// The error for a request that is about nothing in particular, or whose subject is not to blame.
    pub(crate) fn of_aws(self, doing: &str) -> Error {
        let error = match self.kind {
            Kind::Unreachable => Code::CannotConnect
                .error(format!("AWS does not answer: cannot {doing}"))
                .help("check region, endpoint, proxy and network from this machine, for example with `aws sts get-caller-identity`")
                .passing(),
            Kind::UnknownCaller => Code::AwsRefused
                .error(format!("AWS does not know who asks: cannot {doing}"))
                .help("log in, for example with `aws sso login`, or choose a profile with `AWS_PROFILE`"),
            _ => Code::AwsRefused
                .error(format!("AWS refuses: cannot {doing}"))
                .help("the cause is AWS's own; `aws sts get-caller-identity` says who asks"),
        };
        error.because(self)
    }
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(": ");
        said.push_str(&error.to_string());
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_is_told_apart() {
        for (code, kind) in [
            ("AWS.SimpleQueueService.NonExistentQueue", Kind::Missing),
            ("QueueDoesNotExist", Kind::Missing),
            ("KMS.AccessDeniedException", Kind::Forbidden),
            ("AccessDenied", Kind::Forbidden),
            ("ExpiredTokenException", Kind::UnknownCaller),
            ("ThrottlingException", Kind::Unreachable),
            ("InvalidParameterValue", Kind::Other),
        ] {
            assert_eq!(Trouble::told(Some(code), None).kind, kind, "{code}");
        }
    }

    #[test]
    fn a_signature_that_does_not_fit_is_not_quoted() {
        let quoted = "The canonical string should have been 'x-amz-security-token:very-secret'";
        let trouble = Trouble::told(Some("SignatureDoesNotMatch"), Some(quoted));
        assert_eq!(trouble.to_string(), "SignatureDoesNotMatch");
        let error = trouble.of_aws("ask who is asking");
        assert!(!format!("{error:?}").contains("very-secret"));
        assert_eq!((error.code, error.retry), (Code::AwsRefused, false));
    }
}
