//! All kinds of findings: one line each, whatever the language of the schema.

use super::Severity;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:ident, $description:literal;)*) => {
        /// What can be found. Names do not change: allow-files and code scanning hold on to them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// The stable name, such as `TYPE_MISMATCH`.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// What it means: a clause that the message completes.
            pub fn description(self) -> &'static str {
                match self { $(Kind::$kind => $description,)* }
            }

            /// How bad it is where nothing says otherwise.
            pub fn severity(self) -> Severity {
                match self { $(Kind::$kind => Severity::$severity,)* }
            }
        }

        /// All kinds.
        pub const KINDS: &[Kind] = &[$(Kind::$kind,)*];
    };
}

kinds! {
    // Avro, as Java's SchemaCompatibility names them.
    /// Two definitions of different names, without an alias.
    NameMismatch = "NAME_MISMATCH", Error, "the reader's type has another name than the writer's, and no alias for it";
    /// `fixed` of another size.
    FixedSizeMismatch = "FIXED_SIZE_MISMATCH", Error, "the fixed types differ in size";
    /// Symbols that the reader's enum does not have.
    MissingEnumSymbols = "MISSING_ENUM_SYMBOLS", Error, "the reader's enum has no default and lacks symbols of the writer";
    /// A field that the writer does not write and the reader has no default for.
    ReaderFieldMissingDefaultValue = "READER_FIELD_MISSING_DEFAULT_VALUE", Error, "the writer does not write this field, and the reader has no default for it";
    /// Types that are neither equal nor promoted.
    TypeMismatch = "TYPE_MISMATCH", Error, "the writer's type cannot be read as the reader's";
    /// A branch that no branch of the reader reads.
    MissingUnionBranch = "MISSING_UNION_BRANCH", Error, "no branch of the reader's union reads this type of the writer";
    // Avro, beyond what registries look at.
    /// Another logical type on the same base type.
    LogicalTypeChanged = "LOGICAL_TYPE_CHANGED", Warning, "the logical type changes, so that values are read as something else";
    /// Another precision or scale.
    DecimalChanged = "DECIMAL_CHANGED", Warning, "precision or scale of a decimal change, so that values are read as other numbers";
    /// The same simple name in another namespace.
    NamespaceChanged = "NAMESPACE_CHANGED", Warning, "the type moves to another namespace, which some readers refuse";
    /// The first branch that matches is not the one that reads the data.
    FirstMatchBranch = "FIRST_MATCH_BRANCH", Warning, "decoders take the first branch that matches, which does not read this data";
    /// Two fields or types that claim one.
    AliasConflict = "ALIAS_CONFLICT", Warning, "names and aliases of the reader claim one field of the writer twice";
    /// A default that is no symbol of its enum.
    InvalidDefaultSymbol = "INVALID_DEFAULT_SYMBOL", Warning, "the default is no symbol of the enum";
    /// A default of another length than its `fixed`.
    InvalidDefaultLength = "INVALID_DEFAULT_LENGTH", Warning, "the default has another length than the fixed type";
    /// A promotion that cannot hold all values.
    LossyPromotion = "LOSSY_PROMOTION", Warning, "the promotion loses digits of large numbers";
    /// A nullable field that cannot be left out.
    NullableWithoutDefault = "NULLABLE_WITHOUT_DEFAULT", Warning, "a nullable field without a default cannot be left out by writers";
    /// An enum that can never be extended.
    EnumWithoutDefault = "ENUM_WITHOUT_DEFAULT", Information, "an enum without a default cannot get symbols that its readers do not know";
    /// Another default.
    DefaultChanged = "DEFAULT_CHANGED", Information, "readers fill in another value than before";
    /// A recursive type that registries take for readable.
    RecursiveTypeUnreadable = "RECURSIVE_TYPE_UNREADABLE", Warning, "a recursive type cannot be read, which the check of registries overlooks";
    /// More findings than anyone reads.
    FindingsOmitted = "FINDINGS_OMITTED", Error, "there are more findings than are listed";
    // JSON Schema, in the words of Confluent's registry.
    /// The address of the schema was changed.
    IdChanged = "ID_CHANGED", Information, "the address of the schema was changed";
    /// The title was changed.
    TitleChanged = "TITLE_CHANGED", Information, "the title was changed";
    /// The description was changed.
    DescriptionChanged = "DESCRIPTION_CHANGED", Information, "the description was changed";
    /// The new type holds all values of the old.
    TypeExtended = "TYPE_EXTENDED", Information, "the new type holds all values of the old";
    /// The new type holds some values of the old only.
    TypeNarrowed = "TYPE_NARROWED", Error, "the new type holds some values of the old only";
    /// The type, or the kind of schema, is another.
    TypeChanged = "TYPE_CHANGED", Error, "the type, or the kind of schema, is another";
    /// The greatest length of a text was added.
    MaxLengthAdded = "MAX_LENGTH_ADDED", Error, "the greatest length of a text was added";
    /// The greatest length of a text was removed.
    MaxLengthRemoved = "MAX_LENGTH_REMOVED", Information, "the greatest length of a text was removed";
    /// The greatest length of a text was increased.
    MaxLengthIncreased = "MAX_LENGTH_INCREASED", Information, "the greatest length of a text was increased";
    /// The greatest length of a text was decreased.
    MaxLengthDecreased = "MAX_LENGTH_DECREASED", Error, "the greatest length of a text was decreased";
    /// The least length of a text was added.
    MinLengthAdded = "MIN_LENGTH_ADDED", Error, "the least length of a text was added";
    /// The least length of a text was removed.
    MinLengthRemoved = "MIN_LENGTH_REMOVED", Information, "the least length of a text was removed";
    /// The least length of a text was increased.
    MinLengthIncreased = "MIN_LENGTH_INCREASED", Error, "the least length of a text was increased";
    /// The least length of a text was decreased.
    MinLengthDecreased = "MIN_LENGTH_DECREASED", Information, "the least length of a text was decreased";
    /// A pattern was added.
    PatternAdded = "PATTERN_ADDED", Error, "a pattern was added";
    /// A pattern was removed.
    PatternRemoved = "PATTERN_REMOVED", Information, "a pattern was removed";
    /// A pattern was changed; patterns are compared as text.
    PatternChanged = "PATTERN_CHANGED", Error, "a pattern was changed; patterns are compared as text";
    /// The greatest number was added.
    MaximumAdded = "MAXIMUM_ADDED", Error, "the greatest number was added";
    /// The greatest number was removed.
    MaximumRemoved = "MAXIMUM_REMOVED", Information, "the greatest number was removed";
    /// The greatest number was increased.
    MaximumIncreased = "MAXIMUM_INCREASED", Information, "the greatest number was increased";
    /// The greatest number was decreased.
    MaximumDecreased = "MAXIMUM_DECREASED", Error, "the greatest number was decreased";
    /// The least number was added.
    MinimumAdded = "MINIMUM_ADDED", Error, "the least number was added";
    /// The least number was removed.
    MinimumRemoved = "MINIMUM_REMOVED", Information, "the least number was removed";
    /// The least number was increased.
    MinimumIncreased = "MINIMUM_INCREASED", Error, "the least number was increased";
    /// The least number was decreased.
    MinimumDecreased = "MINIMUM_DECREASED", Information, "the least number was decreased";
    /// The number that all are below was added.
    ExclusiveMaximumAdded = "EXCLUSIVE_MAXIMUM_ADDED", Error, "the number that all are below was added";
    /// The number that all are below was removed.
    ExclusiveMaximumRemoved = "EXCLUSIVE_MAXIMUM_REMOVED", Information, "the number that all are below was removed";
    /// The number that all are below was increased.
    ExclusiveMaximumIncreased = "EXCLUSIVE_MAXIMUM_INCREASED", Information, "the number that all are below was increased";
    /// The number that all are below was decreased.
    ExclusiveMaximumDecreased = "EXCLUSIVE_MAXIMUM_DECREASED", Error, "the number that all are below was decreased";
    /// The number that all are above was added.
    ExclusiveMinimumAdded = "EXCLUSIVE_MINIMUM_ADDED", Error, "the number that all are above was added";
    /// The number that all are above was removed.
    ExclusiveMinimumRemoved = "EXCLUSIVE_MINIMUM_REMOVED", Information, "the number that all are above was removed";
    /// The number that all are above was increased.
    ExclusiveMinimumIncreased = "EXCLUSIVE_MINIMUM_INCREASED", Error, "the number that all are above was increased";
    /// The number that all are above was decreased.
    ExclusiveMinimumDecreased = "EXCLUSIVE_MINIMUM_DECREASED", Information, "the number that all are above was decreased";
    /// A divisor was added.
    MultipleOfAdded = "MULTIPLE_OF_ADDED", Error, "a divisor was added";
    /// A divisor was removed.
    MultipleOfRemoved = "MULTIPLE_OF_REMOVED", Information, "a divisor was removed";
    /// The new divisor divides the old.
    MultipleOfReduced = "MULTIPLE_OF_REDUCED", Information, "the new divisor divides the old";
    /// The new divisor is a multiple of the old.
    MultipleOfExpanded = "MULTIPLE_OF_EXPANDED", Error, "the new divisor is a multiple of the old";
    /// The divisors have nothing to do with each other.
    MultipleOfChanged = "MULTIPLE_OF_CHANGED", Error, "the divisors have nothing to do with each other";
    /// A property became required.
    RequiredAttributeAdded = "REQUIRED_ATTRIBUTE_ADDED", Error, "a property became required";
    /// A property with a default became required.
    RequiredAttributeWithDefaultAdded = "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED", Information, "a property with a default became required";
    /// A property is no longer required.
    RequiredAttributeRemoved = "REQUIRED_ATTRIBUTE_REMOVED", Information, "a property is no longer required";
    /// The greatest number of properties was added.
    MaxPropertiesAdded = "MAX_PROPERTIES_ADDED", Error, "the greatest number of properties was added";
    /// The greatest number of properties was removed.
    MaxPropertiesRemoved = "MAX_PROPERTIES_REMOVED", Information, "the greatest number of properties was removed";
    /// The greatest number of properties was increased.
    MaxPropertiesIncreased = "MAX_PROPERTIES_INCREASED", Information, "the greatest number of properties was increased";
    /// The greatest number of properties was decreased.
    MaxPropertiesDecreased = "MAX_PROPERTIES_DECREASED", Error, "the greatest number of properties was decreased";
    /// The least number of properties was added.
    MinPropertiesAdded = "MIN_PROPERTIES_ADDED", Error, "the least number of properties was added";
    /// The least number of properties was removed.
    MinPropertiesRemoved = "MIN_PROPERTIES_REMOVED", Information, "the least number of properties was removed";
    /// The least number of properties was increased.
    MinPropertiesIncreased = "MIN_PROPERTIES_INCREASED", Error, "the least number of properties was increased";
    /// The least number of properties was decreased.
    MinPropertiesDecreased = "MIN_PROPERTIES_DECREASED", Information, "the least number of properties was decreased";
    /// Other properties are allowed now.
    AdditionalPropertiesAdded = "ADDITIONAL_PROPERTIES_ADDED", Information, "other properties are allowed now";
    /// Other properties are no longer allowed.
    AdditionalPropertiesRemoved = "ADDITIONAL_PROPERTIES_REMOVED", Error, "other properties are no longer allowed";
    /// Other properties are less restricted.
    AdditionalPropertiesExtended = "ADDITIONAL_PROPERTIES_EXTENDED", Information, "other properties are less restricted";
    /// Other properties are more restricted.
    AdditionalPropertiesNarrowed = "ADDITIONAL_PROPERTIES_NARROWED", Error, "other properties are more restricted";
    /// Properties that nothing else looks at are allowed now.
    UnevaluatedPropertiesAdded = "UNEVALUATED_PROPERTIES_ADDED", Information, "properties that nothing else looks at are allowed now";
    /// Properties that nothing else looks at are no longer allowed.
    UnevaluatedPropertiesRemoved = "UNEVALUATED_PROPERTIES_REMOVED", Error, "properties that nothing else looks at are no longer allowed";
    /// Properties that nothing else looks at are less restricted.
    UnevaluatedPropertiesExtended = "UNEVALUATED_PROPERTIES_EXTENDED", Information, "properties that nothing else looks at are less restricted";
    /// Properties that nothing else looks at are more restricted.
    UnevaluatedPropertiesNarrowed = "UNEVALUATED_PROPERTIES_NARROWED", Error, "properties that nothing else looks at are more restricted";
    /// Other items are allowed now.
    AdditionalItemsAdded = "ADDITIONAL_ITEMS_ADDED", Information, "other items are allowed now";
    /// Other items are no longer allowed.
    AdditionalItemsRemoved = "ADDITIONAL_ITEMS_REMOVED", Error, "other items are no longer allowed";
    /// Other items are less restricted.
    AdditionalItemsExtended = "ADDITIONAL_ITEMS_EXTENDED", Information, "other items are less restricted";
    /// Other items are more restricted.
    AdditionalItemsNarrowed = "ADDITIONAL_ITEMS_NARROWED", Error, "other items are more restricted";
    /// A property needs others now.
    DependencyArrayAdded = "DEPENDENCY_ARRAY_ADDED", Error, "a property needs others now";
    /// A property needs no others any more.
    DependencyArrayRemoved = "DEPENDENCY_ARRAY_REMOVED", Information, "a property needs no others any more";
    /// A property needs more others.
    DependencyArrayExtended = "DEPENDENCY_ARRAY_EXTENDED", Error, "a property needs more others";
    /// A property needs fewer others.
    DependencyArrayNarrowed = "DEPENDENCY_ARRAY_NARROWED", Information, "a property needs fewer others";
    /// A property needs different others.
    DependencyArrayChanged = "DEPENDENCY_ARRAY_CHANGED", Error, "a property needs different others";
    /// A property brings a schema along now.
    DependencySchemaAdded = "DEPENDENCY_SCHEMA_ADDED", Error, "a property brings a schema along now";
    /// A property brings no schema along any more.
    DependencySchemaRemoved = "DEPENDENCY_SCHEMA_REMOVED", Information, "a property brings no schema along any more";
    /// A property was removed, and anything is allowed under its name.
    PropertyRemovedFromOpenContentModel = "PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL", Information, "a property was removed, and anything is allowed under its name";
    /// A property that could not occur was removed.
    PropertyWithFalseRemovedFromClosedContentModel = "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL", Information, "a property that could not occur was removed";
    /// A property was removed where no others are allowed.
    PropertyRemovedFromClosedContentModel = "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", Error, "a property was removed where no others are allowed";
    /// A property was removed, and what is allowed under its name accepts it.
    PropertyRemovedIsCoveredByPartiallyOpenContentModel = "PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Information, "a property was removed, and what is allowed under its name accepts it";
    /// A property was removed, and what is allowed under its name does not accept it.
    PropertyRemovedNotCoveredByPartiallyOpenContentModel = "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Error, "a property was removed, and what is allowed under its name does not accept it";
    /// A property was added that may be anything.
    PropertyWithEmptySchemaAddedToOpenContentModel = "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL", Information, "a property was added that may be anything";
    /// A property was added, and anything was allowed under its name.
    OptionalPropertyAddedToOpenContentModel = "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", Error, "a property was added, and anything was allowed under its name";
    /// A required property with a default was added, and anything was allowed under its name.
    RequiredPropertyWithDefaultAddedToOpenContentModel = "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL", Error, "a required property with a default was added, and anything was allowed under its name";
    /// A required property was added, and anything was allowed under its name.
    RequiredPropertyAddedToOpenContentModel = "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", Error, "a required property was added, and anything was allowed under its name";
    /// A property was added that could not occur before.
    OptionalPropertyAddedToUnopenContentModel = "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", Information, "a property was added that could not occur before";
    /// A required property with a default was added that could not occur before.
    RequiredPropertyWithDefaultAddedToUnopenContentModel = "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL", Information, "a required property with a default was added that could not occur before";
    /// A required property without a default was added.
    RequiredPropertyAddedToUnopenContentModel = "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", Error, "a required property without a default was added";
    /// A property was added that accepts what was allowed under its name.
    PropertyAddedIsCoveredByPartiallyOpenContentModel = "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Information, "a property was added that accepts what was allowed under its name";
    /// A property was added that does not accept all that was allowed under its name.
    PropertyAddedNotCoveredByPartiallyOpenContentModel = "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Error, "a property was added that does not accept all that was allowed under its name";
    /// The greatest number of items was added.
    MaxItemsAdded = "MAX_ITEMS_ADDED", Error, "the greatest number of items was added";
    /// The greatest number of items was removed.
    MaxItemsRemoved = "MAX_ITEMS_REMOVED", Information, "the greatest number of items was removed";
    /// The greatest number of items was increased.
    MaxItemsIncreased = "MAX_ITEMS_INCREASED", Information, "the greatest number of items was increased";
    /// The greatest number of items was decreased.
    MaxItemsDecreased = "MAX_ITEMS_DECREASED", Error, "the greatest number of items was decreased";
    /// The least number of items was added.
    MinItemsAdded = "MIN_ITEMS_ADDED", Error, "the least number of items was added";
    /// The least number of items was removed.
    MinItemsRemoved = "MIN_ITEMS_REMOVED", Information, "the least number of items was removed";
    /// The least number of items was increased.
    MinItemsIncreased = "MIN_ITEMS_INCREASED", Error, "the least number of items was increased";
    /// The least number of items was decreased.
    MinItemsDecreased = "MIN_ITEMS_DECREASED", Information, "the least number of items was decreased";
    /// The greatest number of contained items was added.
    MaxContainsAdded = "MAX_CONTAINS_ADDED", Error, "the greatest number of contained items was added";
    /// The greatest number of contained items was removed.
    MaxContainsRemoved = "MAX_CONTAINS_REMOVED", Information, "the greatest number of contained items was removed";
    /// The greatest number of contained items was increased.
    MaxContainsIncreased = "MAX_CONTAINS_INCREASED", Information, "the greatest number of contained items was increased";
    /// The greatest number of contained items was decreased.
    MaxContainsDecreased = "MAX_CONTAINS_DECREASED", Error, "the greatest number of contained items was decreased";
    /// The least number of contained items was added.
    MinContainsAdded = "MIN_CONTAINS_ADDED", Error, "the least number of contained items was added";
    /// The least number of contained items was removed.
    MinContainsRemoved = "MIN_CONTAINS_REMOVED", Information, "the least number of contained items was removed";
    /// The least number of contained items was increased.
    MinContainsIncreased = "MIN_CONTAINS_INCREASED", Error, "the least number of contained items was increased";
    /// The least number of contained items was decreased.
    MinContainsDecreased = "MIN_CONTAINS_DECREASED", Information, "the least number of contained items was decreased";
    /// Items have to differ now.
    UniqueItemsAdded = "UNIQUE_ITEMS_ADDED", Error, "items have to differ now";
    /// Items may be equal now.
    UniqueItemsRemoved = "UNIQUE_ITEMS_REMOVED", Information, "items may be equal now";
    /// An item of a tuple was removed, and anything is allowed in its place.
    ItemRemovedFromOpenContentModel = "ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL", Information, "an item of a tuple was removed, and anything is allowed in its place";
    /// An item of a tuple that could not occur was removed.
    ItemWithFalseRemovedFromClosedContentModel = "ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL", Information, "an item of a tuple that could not occur was removed";
    /// An item of a tuple was removed where no others are allowed.
    ItemRemovedFromClosedContentModel = "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", Error, "an item of a tuple was removed where no others are allowed";
    /// An item of a tuple was removed, and what is allowed in its place accepts it.
    ItemRemovedIsCoveredByPartiallyOpenContentModel = "ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Information, "an item of a tuple was removed, and what is allowed in its place accepts it";
    /// An item of a tuple was removed, and what is allowed in its place does not accept it.
    ItemRemovedNotCoveredByPartiallyOpenContentModel = "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Error, "an item of a tuple was removed, and what is allowed in its place does not accept it";
    /// An item that may be anything was added to a tuple.
    ItemWithEmptySchemaAddedToOpenContentModel = "ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL", Information, "an item that may be anything was added to a tuple";
    /// An item was added to a tuple, and anything was allowed in its place.
    ItemAddedToOpenContentModel = "ITEM_ADDED_TO_OPEN_CONTENT_MODEL", Error, "an item was added to a tuple, and anything was allowed in its place";
    /// An item was added to a tuple that could not occur before.
    ItemAddedToClosedContentModel = "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL", Information, "an item was added to a tuple that could not occur before";
    /// An item was added to a tuple that accepts what was allowed in its place.
    ItemAddedIsCoveredByPartiallyOpenContentModel = "ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Information, "an item was added to a tuple that accepts what was allowed in its place";
    /// An item was added to a tuple that does not accept all that was allowed in its place.
    ItemAddedNotCoveredByPartiallyOpenContentModel = "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", Error, "an item was added to a tuple that does not accept all that was allowed in its place";
    /// Values were added to the list.
    EnumArrayExtended = "ENUM_ARRAY_EXTENDED", Information, "values were added to the list";
    /// Values were removed from the list.
    EnumArrayNarrowed = "ENUM_ARRAY_NARROWED", Error, "values were removed from the list";
    /// Values were removed from the list, and others added.
    EnumArrayChanged = "ENUM_ARRAY_CHANGED", Error, "values were removed from the list, and others added";
    /// The only value is another.
    ConstChanged = "CONST_CHANGED", Error, "the only value is another";
    /// The schemas are alternatives now.
    CombinedTypeExtended = "COMBINED_TYPE_EXTENDED", Information, "the schemas are alternatives now";
    /// The schemas are combined in another way.
    CombinedTypeChanged = "COMBINED_TYPE_CHANGED", Error, "the schemas are combined in another way";
    /// A further schema has to accept the document.
    ProductTypeExtended = "PRODUCT_TYPE_EXTENDED", Error, "a further schema has to accept the document";
    /// One schema less has to accept the document.
    ProductTypeNarrowed = "PRODUCT_TYPE_NARROWED", Information, "one schema less has to accept the document";
    /// An alternative was added.
    SumTypeExtended = "SUM_TYPE_EXTENDED", Information, "an alternative was added";
    /// An alternative was removed.
    SumTypeNarrowed = "SUM_TYPE_NARROWED", Error, "an alternative was removed";
    /// Not every schema of the combination has one that accepts what it accepted.
    CombinedTypeSubschemasChanged = "COMBINED_TYPE_SUBSCHEMAS_CHANGED", Error, "not every schema of the combination has one that accepts what it accepted";
    /// More is excluded.
    NotTypeExtended = "NOT_TYPE_EXTENDED", Error, "more is excluded";
    /// Less is excluded.
    NotTypeNarrowed = "NOT_TYPE_NARROWED", Information, "less is excluded";
    /// A keyword was changed that registries do not look at.
    KeywordNotCompared = "KEYWORD_NOT_COMPARED", Warning, "a keyword was changed that registries do not look at";
    /// The schema is of another draft.
    DialectChanged = "DIALECT_CHANGED", Warning, "the schema is of another draft";
    /// Documents that were accepted are refused, which registries do not see.
    SemanticNarrowed = "SEMANTIC_NARROWED", Error, "documents that were accepted are refused, which registries do not see";
    /// No document is refused that was accepted, though registries refuse the change.
    SemanticallyCompatible = "SEMANTICALLY_COMPATIBLE", Information, "no document is refused that was accepted, though registries refuse the change";
    /// The schemas are too large to compare by the documents they accept.
    SemanticsSkipped = "SEMANTICS_SKIPPED", Information, "the schemas are too large to compare by the documents they accept";
    // Tables. TypeMismatch is Avro's and serves here too.
    /// A column without nulls was added, and older data has no values for it.
    RequiredFieldAdded = "REQUIRED_FIELD_ADDED", Error, "a column without nulls was added, and older data has no values for it";
    /// A column with nulls was added.
    FieldAdded = "FIELD_ADDED", Information, "a column with nulls was added";
    /// A column is no longer read.
    FieldDeleted = "FIELD_DELETED", Warning, "a column is no longer read";
    /// Columns have another order, which readers by position notice.
    FieldReordered = "FIELD_REORDERED", Warning, "columns have another order, which readers by position notice";
    /// Names of columns differ in case only.
    FieldCaseChanged = "FIELD_CASE_CHANGED", Warning, "names of columns differ in case only";
    /// Two columns have the same name.
    FieldAmbiguous = "FIELD_AMBIGUOUS", Error, "two columns have the same name";
    /// Nulls are no longer allowed.
    NullableToNonNullable = "NULLABLE_TO_NON_NULLABLE", Error, "nulls are no longer allowed";
    /// Nulls are allowed now.
    NonNullableToNullable = "NON_NULLABLE_TO_NULLABLE", Information, "nulls are allowed now";
    /// The new type holds all values of the old.
    TypeWidened = "TYPE_WIDENED", Information, "the new type holds all values of the old";
    /// A date became a timestamp without zone, which Iceberg knows since version 3.
    DateToTimestamp = "DATE_TO_TIMESTAMP", Warning, "a date became a timestamp without zone, which Iceberg knows since version 3";
    /// The unit of time became finer, which shortens the range.
    TimeUnitChanged = "TIME_UNIT_CHANGED", Warning, "the unit of time became finer, which shortens the range";
    /// The instants are the same, shown in another zone.
    TimeZoneChanged = "TIME_ZONE_CHANGED", Warning, "the instants are the same, shown in another zone";
    /// No reader widens the old type to the new.
    UnsupportedTypeChange = "UNSUPPORTED_TYPE_CHANGE", Error, "no reader widens the old type to the new";
    /// Keys of a map are of another type.
    MapKeyTypeMismatch = "MAP_KEY_TYPE_MISMATCH", Error, "keys of a map are of another type";
    // The gate itself. Confluent's SCHEMA_ADDED and SCHEMA_REMOVED are about parts of a JSON Schema, and are
    // SUBSCHEMA_ADDED and SUBSCHEMA_REMOVED here.
    /// A part of a JSON Schema is restricted that was not.
    SubschemaAdded = "SUBSCHEMA_ADDED", Error, "a schema was added where everything was allowed";
    /// A part of a JSON Schema is not restricted any more.
    SubschemaRemoved = "SUBSCHEMA_REMOVED", Information, "a schema was removed, and everything is allowed";
    /// A schema that was there and is not.
    SubjectRemoved = "SCHEMA_REMOVED", Error, "the schema is gone, and data written with it may not be";
    /// A schema that was not there.
    SubjectAdded = "SCHEMA_ADDED", Information, "the schema is new: there is nothing to compare it with";
    /// A new version where none is allowed.
    SchemaChanged = "SCHEMA_CHANGED", Error, "mode DISABLED allows no new version of a schema";
    /// Another schema language.
    SchemaTypeChanged = "SCHEMA_TYPE_CHANGED", Error, "the schema is written in another language than before";
    /// A pair of versions that nothing can be said about; accepted by nothing.
    NotCompared = "NOT_COMPARED", Error, "the schemas cannot be compared";
    /// An old version that was left out.
    VersionSkipped = "VERSION_SKIPPED", Warning, "a version was not compared";
    /// An entry of the allow-file that accepts nothing.
    AllowanceUnused = "ALLOWANCE_UNUSED", Warning, "this entry of the allow-file accepts nothing";
    /// An entry of the allow-file whose day has passed.
    AllowanceExpired = "ALLOWANCE_EXPIRED", Warning, "this entry of the allow-file has expired and accepts nothing any more";
}

impl Kind {
    /// The kind of that name, in any case.
    pub fn find(name: &str) -> Option<Kind> {
        KINDS.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_of_kinds_are_unique_and_found_in_any_case() {
        let mut seen = HashSet::new();
        for kind in KINDS {
            assert!(seen.insert(kind.name()), "{} stands twice", kind.name());
            assert!(kind.name().chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            assert_eq!(Kind::find(&kind.name().to_lowercase()), Some(*kind));
            assert!(!kind.description().ends_with('.'), "{}: a message follows", kind.name());
        }
        assert_eq!(Kind::find("TYPE_MISMATHC"), None);
    }
}
