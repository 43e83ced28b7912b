//! The two languages of the page. A component gets its language as a property, so that a change of language renders
//! again what it must, memoised cards included.

use std::borrow::Cow;

use yew::AttrValue;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Lang {
    /// As in `lang` attributes and in `?lang=`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Ko => "ko",
        }
    }

    /// The language of a code such as `ko` or `ko-KR`.
    pub fn from_code(code: &str) -> Option<Lang> {
        match code.get(..2)? {
            "en" => Some(Lang::En),
            "ko" => Some(Lang::Ko),
            _ => None,
        }
    }

    /// The one that the switch changes to.
    pub fn other(self) -> Lang {
        match self {
            Lang::En => Lang::Ko,
            Lang::Ko => Lang::En,
        }
    }
}

/// A message as an attribute value: a message without arguments costs no allocation.
pub fn attr(text: Cow<'static, str>) -> AttrValue {
    match text {
        Cow::Borrowed(text) => AttrValue::Static(text),
        Cow::Owned(text) => AttrValue::from(text),
    }
}

/// The message of a key in a language, with its arguments filled in.
#[macro_export]
macro_rules! tr {
    ($lang:expr, $key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::ui::i18n::attr(::std::borrow::Cow::Owned(
            ::rust_i18n::t!($key, locale = &$lang.code() $(, $name = $value)*).into_owned(),
        ))
    };
}
