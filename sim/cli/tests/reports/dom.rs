//! The elements of a page, as a browser reads them.

use std::collections::BTreeMap;

use html5ever::parse_document;
use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// A parsed page.
pub(crate) struct Page {
    /// What is not well-formed.
    pub(crate) errors: Vec<String>,
    /// All elements, in the order of the document.
    pub(crate) elements: Vec<Element>,
}

/// An element.
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// All text in it.
    pub(crate) text: String,
    /// The numbers of the elements around it, the outermost first.
    pub(crate) around: Vec<usize>,
}

impl Page {
    pub(crate) fn parse(source: &str) -> Self {
        let dom = parse_document(RcDom::default(), Default::default()).one(source);
        let mut page = Self {
            errors: dom
                .errors
                .borrow()
                .iter()
                .map(|error| error.to_string())
                .collect(),
            elements: Vec::new(),
        };
        page.add(&dom.document, &mut Vec::new());
        page
    }

    fn add(&mut self, node: &Handle, around: &mut Vec<usize>) {
        let is_element = if let NodeData::Element { name, attrs, .. } = &node.data {
            let attributes = attrs.borrow();
            let attributes = attributes.iter().map(|attribute| {
                (
                    attribute.name.local.to_string(),
                    attribute.value.to_string(),
                )
            });
            self.elements.push(Element {
                name: name.local.to_string(),
                attributes: attributes.collect(),
                text: text(node),
                around: around.clone(),
            });
            around.push(self.elements.len() - 1);
            true
        } else {
            false
        };
        node.children
            .borrow()
            .iter()
            .for_each(|child| self.add(child, around));
        if is_element {
            around.pop();
        }
    }

    /// The elements with this name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Element> {
        self.meant(|element| element.name == name)
    }

    /// The elements with this class.
    pub(crate) fn classed(&self, class: &str) -> Vec<&Element> {
        self.meant(|element| element.has_class(class))
    }

    pub(crate) fn meant(&self, is_meant: impl Fn(&Element) -> bool) -> Vec<&Element> {
        let elements = self.elements.iter();
        elements.filter(|element| is_meant(element)).collect()
    }

    /// The elements with this name inside another element.
    pub(crate) fn inside(&self, outer: &Element, name: &str) -> Vec<&Element> {
        let is_outer = |other: &Element| std::ptr::eq(other, outer);
        let number = self.elements.iter().position(is_outer);
        let number = number.expect("it is an element of this page");
        self.meant(|element| element.name == name && element.around.contains(&number))
    }

    /// The elements directly inside another element.
    pub(crate) fn children(&self, outer: &Element) -> Vec<&Element> {
        let is_outer = |number: &usize| std::ptr::eq(&self.elements[*number], outer);
        self.meant(|element| element.around.last().is_some_and(is_outer))
    }
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(crate) fn has_class(&self, class: &str) -> bool {
        let classes = self.attribute("class").unwrap_or_default();
        classes.split(' ').any(|known| known == class)
    }
}

fn text(node: &Handle) -> String {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => node.children.borrow().iter().map(text).collect(),
    }
}
