import ArgumentParser

@main struct Lobstack: AsyncParsableCommand {}
