//! Requirements as data: what a module's fields ask for, and how they are filled.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use crate::Result;
use crate::descriptors::{ModuleName, SettingsInfo};
use crate::module::ModuleContext;
use crate::service::{Contract, Service, ServiceRef, ServiceRefs};
use crate::settings::Settings;
use crate::starter::Handles;

/// A type whose instances the base can make: `#[module]` implements it from the field types.
///
/// Written by hand it serves a test or a module without the macro:
///
/// ```
/// use bedplate::{Construct, Field, Fields, ModuleContext, Requirements, Result};
///
/// struct Clock {
///     context: ModuleContext,
/// }
///
/// impl Construct for Clock {
///     fn requirements(to: &mut Requirements) {
///         to.field::<ModuleContext>(Field::new("context"));
///     }
///     fn construct(from: &Fields<'_>) -> Result<Self> {
///         Ok(Self { context: from.take(Field::new("context"))? })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a module",
    label = "no `#[module]` on this type",
    note = "put `#[bedplate::module]` on the type, in the crate's root; `#[scene_service]` publishes a contract of the crate's module"
)]
pub trait Construct: Sized + Send + Sync + 'static {
    /// Lists what the type needs, before anything exists.
    fn requirements(to: &mut Requirements);

    /// Makes one from what the base found.
    ///
    /// # Errors
    ///
    /// Where a handle or a setting cannot be had.
    fn construct(from: &Fields<'_>) -> Result<Self>;
}

/// A type that can be a field of a module.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a module",
    label = "the base does not know how to fill this field",
    note = "a field is a `ServiceRef<dyn Contract>` (or `Option` of one, or `ServiceRefs`), a handle of a starter, settings with `#[derive(Settings)]`, a `ModuleContext`, or the module's own state with `#[own]`"
)]
pub trait Requirement: Sized {
    /// Adds what the field needs.
    fn describe(field: Field, to: &mut Requirements);

    /// Fills the field.
    ///
    /// # Errors
    ///
    /// Where what it needs cannot be had.
    fn resolve(field: &Field, from: &Fields<'_>) -> Result<Self>;
}

/// A type that a starter hands to modules: a pool, a client, a cache.
///
/// It is cloned into the field, so it is a handle: cheap to clone, with the same thing behind it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not handed out by a starter",
    label = "not a handle",
    note = "a starter's handle implements `bedplate::Handle`"
)]
pub trait Handle: Clone + Send + Sync + 'static {
    /// What a field can say about the handle with `#[with(…)]`: migrations, a name. `()` for nothing.
    type Options: Send + Sync + 'static;
}

/// Where a requirement stands: the field's name, its line, and which module it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// Its line in the module's file, counted from 1; 0 where it is not known.
    pub line: u32,
    /// The module that must serve it: `#[from("module")]`.
    pub from: Option<&'static str>,
}

impl Field {
    /// A field of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, line: 0, from: None }
    }

    /// The same field, at this line.
    #[must_use]
    pub const fn at_line(self, line: u32) -> Self {
        Self { line, ..self }
    }

    /// The same field, served by this module alone.
    #[must_use]
    pub const fn from_module(self, module: &'static str) -> Self {
        Self { from: Some(module), ..self }
    }
}

/// How much a module needs a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// It must be there, and starts first.
    Required,
    /// It may be absent, and may close a cycle.
    Optional,
    /// Every one there is, or none.
    All,
}

/// One thing that a module needs.
#[derive(Clone)]
pub struct Required {
    /// The field that needs it.
    pub field: Field,
    /// What it needs.
    pub kind: RequiredKind,
}

/// What a field needs.
#[derive(Clone)]
pub enum RequiredKind {
    /// A contract that another module publishes.
    Service {
        /// The contract.
        contract: &'static Contract,
        /// The type id of its `dyn Trait`.
        contract_type: TypeId,
        /// How much.
        need: Need,
    },
    /// A handle of a starter.
    Handle {
        /// The handle's type.
        type_id: TypeId,
        /// Its name.
        type_name: &'static str,
        /// How much.
        need: Need,
        /// What `#[with(…)]` says, as [`Handle::Options`].
        options: Option<Arc<dyn Any + Send + Sync>>,
    },
    /// The module's settings.
    Settings(SettingsInfo),
    /// The module's own context.
    Context,
}

/// The list that [`Construct::requirements`] fills.
#[derive(Clone, Default)]
pub struct Requirements {
    list: Vec<Required>,
}

impl Requirements {
    /// Adds what a field of type `T` needs.
    pub fn field<T: Requirement>(&mut self, field: Field) -> &mut Self {
        T::describe(field, self);
        self
    }

    /// Adds a handle, with what `#[with(…)]` says about it.
    pub fn field_with<T: Handle>(&mut self, field: Field, options: T::Options) -> &mut Self {
        self.add(field, handle_kind::<T>(Need::Required, Some(Arc::new(options))));
        self
    }

    /// Adds one thing.
    pub fn add(&mut self, field: Field, kind: RequiredKind) {
        self.list.push(Required { field, kind });
    }

    /// All that was added, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Required] {
        &self.list
    }
}

/// What [`Construct::construct`] takes its fields from.
pub struct Fields<'a> {
    pub(crate) context: &'a ModuleContext,
    pub(crate) handles: &'a Handles,
    pub(crate) settings: &'a crate::base::ModuleSettings<'a>,
}

impl Fields<'_> {
    /// Fills one field.
    ///
    /// # Errors
    ///
    /// Where what it needs cannot be had.
    pub fn take<T: Requirement>(&self, field: Field) -> Result<T> {
        T::resolve(&field, self)
    }

    /// The context of the instance that is being made.
    #[must_use]
    pub fn context(&self) -> &ModuleContext {
        self.context
    }

    /// The module's settings, read as `S`.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn settings<S: Settings>(&self) -> Result<S> {
        self.settings.read()
    }

    fn handle<T: Handle>(&self) -> Option<T> {
        self.handles.get::<T>()
    }
}

fn handle_kind<T: Handle>(need: Need, options: Option<Arc<dyn Any + Send + Sync>>) -> RequiredKind {
    RequiredKind::Handle { type_id: TypeId::of::<T>(), type_name: type_name::<T>(), need, options }
}

impl<T: Handle> Requirement for T {
    fn describe(field: Field, to: &mut Requirements) {
        to.add(field, handle_kind::<T>(Need::Required, None));
    }

    fn resolve(field: &Field, from: &Fields<'_>) -> Result<Self> {
        from.handle().ok_or_else(|| {
            anyhow::anyhow!("no starter handed out a `{}` for the field `{}`", type_name::<T>(), field.name)
        })
    }
}

impl<T: Handle> Requirement for Option<T> {
    fn describe(field: Field, to: &mut Requirements) {
        to.add(field, handle_kind::<T>(Need::Optional, None));
    }

    fn resolve(_: &Field, from: &Fields<'_>) -> Result<Self> {
        Ok(from.handle())
    }
}

impl<S: Service + ?Sized> Requirement for ServiceRef<S> {
    fn describe(field: Field, to: &mut Requirements) {
        to.add(field, service_kind::<S>(Need::Required));
    }

    fn resolve(field: &Field, from: &Fields<'_>) -> Result<Self> {
        Ok(Self::new(from.context.state(), target(field)?))
    }
}

impl<S: Service + ?Sized> Requirement for Option<ServiceRef<S>> {
    fn describe(field: Field, to: &mut Requirements) {
        to.add(field, service_kind::<S>(Need::Optional));
    }

    fn resolve(field: &Field, from: &Fields<'_>) -> Result<Self> {
        Ok(Some(ServiceRef::new(from.context.state(), target(field)?)))
    }
}

impl<S: Service + ?Sized> Requirement for ServiceRefs<S> {
    fn describe(field: Field, to: &mut Requirements) {
        to.add(field, service_kind::<S>(Need::All));
    }

    fn resolve(_: &Field, from: &Fields<'_>) -> Result<Self> {
        Ok(Self::new(from.context.state()))
    }
}

impl Requirement for ModuleContext {
    fn describe(field: Field, to: &mut Requirements) {
        to.add(field, RequiredKind::Context);
    }

    fn resolve(_: &Field, from: &Fields<'_>) -> Result<Self> {
        Ok(from.context.clone())
    }
}

fn service_kind<S: Service + ?Sized>(need: Need) -> RequiredKind {
    RequiredKind::Service { contract: S::CONTRACT, contract_type: TypeId::of::<S>(), need }
}

fn target(field: &Field) -> Result<Option<ModuleName>> {
    Ok(field.from.map(ModuleName::new).transpose()?)
}

/// Lets a settings struct be a field of a module. `#[derive(Settings)]` calls it.
#[doc(hidden)]
#[macro_export]
macro_rules! __settings_requirement {
    ($type:ty) => {
        impl $crate::Requirement for $type {
            fn describe(field: $crate::Field, to: &mut $crate::Requirements) {
                to.add(field, $crate::RequiredKind::Settings($crate::__private::SettingsInfo::of::<$type>()));
            }

            fn resolve(_: &$crate::Field, from: &$crate::Fields<'_>) -> $crate::Result<Self> {
                from.settings::<$type>()
            }
        }
    };
}
