//! Resources as the API shows them: what can be set, with an id and two times in front. The schema is made from the schema
//! of what can be set, so that a field is described once.

use crate::clock::rfc3339;
use serde::Serialize;
use std::borrow::Cow;
use store::{Id as _, Resource, Stored};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema, Type,
        schema::{AdditionalProperties, Object},
    },
};

use super::body::Patch;

/// What of a resource can be shown or set, by a name of its own.
pub(crate) trait Named: ToSchema {
    /// What a resource with these fields is called.
    const NAME: &'static str;
}

/// A resource.
#[derive(Debug, Serialize)]
pub(crate) struct Item<V> {
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    #[serde(flatten)]
    pub(crate) value: V,
}

impl<V> Item<V> {
    pub(crate) fn of<T: Resource>(row: Stored<T>, view: impl FnOnce(T) -> V) -> Self {
        Self {
            id: row.id.as_str().to_owned(),
            created_at: rfc3339(row.created_at),
            updated_at: rfc3339(row.updated_at),
            value: view(row.value),
        }
    }
}

impl<V: Named> PartialSchema for Item<V> {
    fn schema() -> RefOr<Schema> {
        let mut object = object_of::<V>();
        let fields = std::mem::take(&mut object.properties);
        object.properties.insert("id".to_owned(), text("Names it").into());
        object.properties.insert("created_at".to_owned(), time("When it was made").into());
        object.properties.insert("updated_at".to_owned(), time("When it was changed last").into());
        object.properties.extend(fields);
        // All of it is there in every answer; and a later version may have more of it.
        object.required = object.properties.keys().cloned().collect();
        object.additional_properties = None;
        Schema::Object(object).into()
    }
}

impl<V: Named> ToSchema for Item<V> {
    fn name() -> Cow<'static, str> {
        V::NAME.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        V::schemas(schemas);
    }
}

impl<T: Named> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        let mut object = object_of::<T>();
        object.required = Vec::new();
        object.properties.values_mut().for_each(|field| {
            if let RefOr::T(Schema::Object(field)) = field {
                field.default = None;
            }
        });
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        object.description = Some("Only what is there is changed (JSON merge patch, RFC 7396).".to_owned());
        Schema::Object(object).into()
    }
}

impl<T: Named> ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Patch", T::NAME).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// The schema of a struct.
fn object_of<T: PartialSchema>() -> Object {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        RefOr::T(_) | RefOr::Ref(_) => Object::new(),
    }
}

fn text(description: &str) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).description(Some(description)).build())
}

fn time(description: &str) -> Schema {
    use utoipa::openapi::{KnownFormat, SchemaFormat};
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    let time = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
    Schema::Object(time.description(Some(description)).build())
}
