"""The management API, in the three trees and the shapes that Pexip's has."""
