//! Declares a raw table once: its fields are its keys. What reads it, lays it over another, describes it and writes it down
//! again follows from that, so that no key can be known to one of them and not to the others.

/// Declares a raw table: a struct whose fields are the table's keys. What stands in brackets behind a type says more of a key:
/// an expression that makes an [`super::schema::About`] of `key()`.
macro_rules! raw_table {
    ($(#[doc = $about:literal])* $name:ident {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty $([$($more:tt)+])?,)*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            $($(#[doc = $doc])* pub(crate) $field: $crate::config::reader::Field<$type>,)*
        }

        impl $name {
            /// Its keys, in their order, with what is known of each.
            pub(crate) fn keys() -> Vec<(&'static str, $crate::config::schema::About)> {
                vec![$((
                    stringify!($field),
                    $crate::config::schema::key(&[$($doc),*])$(.$($more)+)?,
                ),)*]
            }
        }

        impl $crate::config::reader::FromToml for $name {
            const IS_TABLE: bool = true;

            fn from_toml(node: &$crate::config::reader::Node<'_>) -> Option<Self> {
                let table = node.table(&[$(stringify!($field)),*])?;
                Some($name { $($field: node.field(table, stringify!($field)),)* })
            }

            fn to_toml(&self) -> toml::Value {
                let mut table = toml::Table::new();
                $(if let Some(at) = self.$field.given() {
                    let value = $crate::config::reader::FromToml::to_toml(&at.value);
                    table.insert(stringify!($field).to_owned(), value);
                })*
                table.into()
            }

            fn typed(&self) -> Vec<(&'static str, $crate::config::problem::Place)> {
                let places = [$((stringify!($field), self.$field.given().map(|at| &at.place)),)*];
                let given = places.into_iter().filter_map(|(key, place)| Some((key, place?.clone())));
                given.collect()
            }

            fn schema() -> $crate::config::schema::Schema {
                let types = vec![$(<$type as $crate::config::reader::FromToml>::schema()),*];
                $crate::config::schema::of_table(&[$($about),*], Self::keys(), types)
            }

            fn over(self, below: Self) -> Self {
                $name { $($field: self.$field.over(below.$field),)* }
            }

            fn explain(
                &self,
                key: &str,
                _place: &$crate::config::problem::Place,
                told: &mut Vec<$crate::config::explain::Line>,
            ) {
                let mut about = Self::keys().into_iter().map(|(_, about)| about);
                $(if let Some(about) = about.next() {
                    let key = $crate::config::problem::join(key, stringify!($field));
                    self.$field.explain(&key, &about, told);
                })*
            }

            fn explain_absent(key: &str, told: &mut Vec<$crate::config::explain::Line>) {
                for (name, about) in Self::keys() {
                    let key = $crate::config::problem::join(key, name);
                    told.extend(about.usual().map(|usual| $crate::config::explain::Line::usual(&key, usual)));
                }
            }
        }
    };
}
pub(crate) use raw_table;
