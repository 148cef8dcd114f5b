//! The API described for machines: OpenAPI 3.1, built from one table of operations, so that no route is left out.

mod table;

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use driftless_client::api::{self, header};
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{
    Content, ContentBuilder, HeaderBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required,
    Response as Documented, ResponseBuilder,
};

use super::problem::{Answer, Kind};
use super::routes::Shared;
use super::target::Query;
use table::{Good, OPERATIONS, Operation, Parameter, Shape};

/// `GET /openapi.json`.
pub async fn openapi(State(_): State<Arc<Shared>>, request: Request) -> Answer<Response<Body>> {
    Query::parse(request.uri().query())?.end()?;
    static TEXT: OnceLock<String> = OnceLock::new();
    let mut response = Response::new(Body::from(TEXT.get_or_init(document).as_str()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The whole description as JSON text.
pub fn document() -> String {
    // The description is made of maps with text keys: it always has a JSON form.
    build().to_pretty_json().unwrap_or_default()
}

fn build() -> OpenApi {
    let paths = OPERATIONS.iter().fold(PathsBuilder::new().build(), |mut paths, operation| {
        paths.add_path_operation(operation.path, vec![operation.method.clone()], describe(operation));
        paths
    });
    let info = InfoBuilder::new()
        .title("Driftless")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Configuration on this machine: read, watched and edited through the node that replicates it. Served on a \
             Unix socket, and on loopback TCP when configured.",
        ))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components().build())).build()
}

/// Adds the schema of a type and of all that it is made of.
fn with<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    parts.push((T::name().into_owned(), T::schema()));
    parts.into_iter().fold(components, |components, (name, schema)| components.schema(name, schema))
}

fn components() -> ComponentsBuilder {
    let components = with::<api::Problem>(ComponentsBuilder::new());
    let components = with::<api::Listing>(with::<api::WatchEvent>(components));
    let components = with::<api::Written>(with::<api::Submission>(components));
    let components = with::<api::Merged>(with::<api::History>(components));
    let components = with::<api::StatementInfo>(with::<api::Explanation>(components));
    let components = with::<api::Conflicts>(with::<api::Divergence>(components));
    let components = with::<api::Change>(with::<api::Status>(components));
    let components = with::<api::Author>(with::<api::Preview>(components));
    let components = with::<api::PendingList>(components);
    let components = with::<api::AuditPage>(with::<api::Attempts>(components));
    with::<api::Grants>(with::<api::Item>(components))
}

fn text() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

fn bytes() -> Schema {
    let format = SchemaFormat::Custom("binary".to_owned());
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
}

fn describe(operation: &Operation) -> utoipa::openapi::path::Operation {
    let mut built = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .summary(Some(operation.summary))
        .description(Some(operation.description));
    for parameter in operation.parameters {
        built = built.parameter(parameter_of(parameter));
    }
    if !operation.body.is_empty() {
        let taken = operation
            .body
            .iter()
            .fold(RequestBodyBuilder::new(), |body, (kind, shape)| body.content(*kind, content(*shape)));
        built = built.request_body(Some(taken.required(Some(Required::True)).build()));
    }
    for good in operation.good {
        built = built.response(good.status, good_response(operation, good));
    }
    problems(operation).into_iter().fold(built, |built, (status, response)| built.response(status, response)).build()
}

fn parameter_of(parameter: &Parameter) -> utoipa::openapi::path::Parameter {
    let (place, required) = match parameter.place {
        'p' => (ParameterIn::Path, Required::True),
        'h' => (ParameterIn::Header, Required::False),
        _ => (ParameterIn::Query, Required::False),
    };
    let kind = if parameter.number { Type::Integer } else { Type::String };
    ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(place)
        .required(required)
        .description(Some(parameter.meaning))
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .build()
}

fn content(shape: Shape) -> Content {
    let schema: RefOr<Schema> = match shape {
        Shape::Named(name) => Ref::from_schema_name(name).into(),
        Shape::Any => utoipa::openapi::schema::empty().into(),
        Shape::Text => text().into(),
        Shape::Bytes => bytes().into(),
    };
    ContentBuilder::new().schema(Some(schema)).build()
}

fn good_response(operation: &Operation, good: &Good) -> Documented {
    let response = ResponseBuilder::new().description(good.meaning);
    let response =
        good.content.iter().fold(response, |response, (kind, shape)| response.content(*kind, content(*shape)));
    let response = if operation.path.starts_with("/v1/") { fresh(response) } else { response };
    if good.etag {
        let tag = HeaderBuilder::new().schema(Some(text())).description(Some("Names the merged heads")).build();
        return response.header("etag", tag).build();
    }
    response.build()
}

/// The freshness headers.
fn fresh(response: ResponseBuilder) -> ResponseBuilder {
    let meanings = [
        (header::DIGEST, "Effective digest of the scope read, or of all scopes held"),
        (header::REVISION, "Revision of the view that answered: STORE-BOOT.COUNT"),
        (header::STALENESS, "Seconds since this node agreed with another one, or `never`"),
        (header::DIFFERS, "Whether merged and effective values differ in what was read"),
        (header::ISOLATED, "Whether this node hears no other one although it expects some"),
    ];
    meanings.into_iter().fold(response, |response, (name, meaning)| {
        response.header(name, HeaderBuilder::new().schema(Some(text())).description(Some(meaning)).build())
    })
}

/// Problems by status: several kinds may share one.
fn problems(operation: &Operation) -> Vec<(String, Documented)> {
    const EVERYWHERE: [Kind; 10] = [
        Kind::Headers,
        Kind::Target,
        Kind::Slow,
        Kind::Timeout,
        Kind::Busy,
        Kind::ShuttingDown,
        Kind::Host,
        Kind::Origin,
        Kind::Unauthorized,
        Kind::Forbidden,
    ];
    let mut by_status: std::collections::BTreeMap<u16, Vec<String>> = std::collections::BTreeMap::new();
    for kind in operation.problems.iter().chain(&EVERYWHERE) {
        let (word, status, title) = kind.parts();
        by_status.entry(status.as_u16()).or_default().push(format!("`{word}`: {title}"));
    }
    let documented = by_status.into_iter().map(|(status, mut words)| {
        words.sort_unstable();
        words.dedup();
        let response = ResponseBuilder::new().description(words.join("; "));
        let response = response.content("application/problem+json", content(Shape::Named("Problem")));
        (status.to_string(), response.build())
    });
    documented.collect()
}

/// Methods by their name, for the table.
const GET: HttpMethod = HttpMethod::Get;
const PUT: HttpMethod = HttpMethod::Put;
const PATCH: HttpMethod = HttpMethod::Patch;
const DELETE: HttpMethod = HttpMethod::Delete;
const POST: HttpMethod = HttpMethod::Post;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed() -> serde_json::Value {
        serde_json::from_str(&document()).unwrap()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = parsed();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        let mut seen = 0;
        for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            seen += 1;
        }
        assert!(seen > 60, "{seen}");
    }

    #[test]
    fn every_operation_has_its_own_id_and_says_how_it_fails() {
        let mut ids = std::collections::BTreeSet::new();
        for operation in OPERATIONS {
            assert!(ids.insert(operation.id), "{}", operation.id);
            let described = &parsed()["paths"][operation.path];
            let methods = described.as_object().unwrap();
            for (_, operation) in methods {
                assert!(operation["responses"].get("503").is_some());
                assert!(operation["summary"].as_str().unwrap().len() > 5);
            }
        }
        assert!(ids.len() >= 20, "{}", ids.len());
    }

    #[test]
    fn every_kind_of_problem_is_somewhere() {
        let text = document();
        for kind in Kind::ALL {
            let (word, _, _) = kind.parts();
            // What has no route is said of no route.
            if !matches!(kind, Kind::NoRoute | Kind::Method) {
                assert!(text.contains(&format!("`{word}`")), "{word}");
            }
        }
    }
}
