//! Parameters of SSM's parameter store, and who asks.

use crate::cloud::{Cloud, aws};
use aws_sdk_ssm::types::ParameterType;
use restage_core::Code;
use restage_core::environment::{ParameterName, ParameterPath};
use restage_providers::aws::{ParameterValue, Parameters, Wanted};
use restage_providers::secrets::Secrets;

fn name(text: &str) -> ParameterName {
    ParameterName::parse(text).unwrap()
}

fn below(path: &str) -> Wanted {
    Wanted::Below(ParameterPath::parse(path).unwrap())
}

#[tokio::test]
async fn all_parameters_below_a_path_are_read_page_by_page_and_secrets_are_secret() {
    let cloud = Cloud::start();
    for number in 0..23 {
        cloud.put(&format!("/app/test/common/nonsensitive/deep/p{number:02}"), ParameterType::String, &number.to_string()).await;
    }
    cloud.put("/app/test/pipeline/password", ParameterType::SecureString, "s3cret-word").await;
    cloud.put("/app/prod/pipeline/password", ParameterType::SecureString, "another").await;
    let secrets = Secrets::with_variables(|_| None);
    let parameters = Parameters::new(aws(), secrets.clone());
    let wanted = [below("/app/test/common/nonsensitive"), below("/app/test/pipeline")];
    let Ok(values) = parameters.resolve(&cloud.place(), &wanted).await else { panic!("all of it is there") };
    assert_eq!(values.iter().count(), 24);
    assert_eq!(values.get(&name("/app/test/common/nonsensitive/deep/p22")).unwrap().expose(), "22");
    let password = values.get(&name("/app/test/pipeline/password")).unwrap();
    assert!(matches!(password, ParameterValue::Secret(_)));
    assert_eq!(password.expose(), "s3cret-word");
    assert_eq!(secrets.redact("PGPASSWORD=s3cret-word"), "PGPASSWORD=***");
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let cloud = Cloud::start();
    cloud.put("/app/test/pipeline/x", ParameterType::String, "1").await;
    let parameters = Parameters::new(aws(), Secrets::default());
    let wanted = [below("/app/tset/pipeline"), below("/app/test/pipeline"), Wanted::Name(name("/app/test/version"))];
    let Err(errors) = parameters.resolve(&cloud.place(), &wanted).await else { panic!("two are missing") };
    let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the parameters below `/app/tset/pipeline` are not in SSM's parameter store",
            "the parameter `/app/test/version` is not in SSM's parameter store",
        ]
    );
    assert!(errors.iter().all(|error| error.code == Code::ParameterMissing && error.help.is_some()));
}

#[tokio::test]
async fn one_parameter_is_written_and_read_again_and_keeps_its_type() {
    let cloud = Cloud::start();
    let parameters = Parameters::new(aws(), Secrets::default());
    let (place, version) = (cloud.place(), name("/app/test/schema-version"));
    assert!(parameters.read(&place, &version).await.unwrap().is_none());
    for value in ["41", "42"] {
        parameters.write(&place, &version, value).await.unwrap();
        assert!(matches!(parameters.read(&place, &version).await.unwrap(), Some(ParameterValue::Plain(read)) if read == value));
    }
    cloud.put("/app/test/secret", ParameterType::SecureString, "before").await;
    parameters.write(&place, &name("/app/test/secret"), "after").await.unwrap();
    let secret = parameters.read(&place, &name("/app/test/secret")).await.unwrap();
    assert!(matches!(&secret, Some(ParameterValue::Secret(_))));
    assert_eq!(secret.unwrap().expose(), "after");
}

#[tokio::test]
async fn who_asks_is_told() {
    let cloud = Cloud::start();
    let caller = aws().caller(&cloud.place()).await.unwrap();
    assert_eq!(caller.account, restage_lab::aws::ACCOUNT);
    assert!(caller.arn.starts_with("arn:aws:"), "{caller}");
}
