//! The entry of a module's object: the one symbol that a base asks for, and the label beside it.

/// Writes the entry of a module's object, where the build tool asks for one.
///
/// The macro is here, not in the procedural macro: an `unsafe` attribute that comes from a
/// `macro_rules!` of another crate is left alone by a module's `#![forbid(unsafe_code)]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __object_entry {
    ($library:ident, $module:ident, $length:literal, $label:literal) => {
        // Binds the object to the base library: what both use comes from there.
        extern crate $library as _;

        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub extern "C" fn bedplate_module_v1() -> *const $crate::__private::ModuleDescriptor {
            &raw const $module
        }

        // Read from the file, before anything of it is loaded.
        #[used]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__bedplate"))]
        #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".bedplate"))]
        static BEDPLATE_LABEL: [u8; $length] = *$label;
    };
}
